// Matches the arguments of a call to parameter names, as Python does.
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

class Bound {
 public:
  static constexpr size_t kMaxParameters = 6;

  // The first `required` parameters must be given; with `positional_only` none goes by its name.
  Bound(std::string_view callee, const Args& args, std::initializer_list<std::string_view> names,
        size_t required, bool positional_only = false);

  // nullptr when the argument was left out.
  const Value* operator[](size_t i) const { return values_[i]; }
  bool given(size_t i) const { return values_[i] != nullptr; }
  bool given_and_not_none(size_t i) const { return given(i) && !values_[i]->is_none(); }

  // Errors name the callee and the parameter.
  int64_t integer(size_t i, int64_t fallback) const;  // bool counts as int
  bool truth(size_t i, bool fallback) const;
  const std::string& text(size_t i) const;  // REQUIRES: given(i)
  std::string_view text_or(size_t i, std::string_view fallback) const;

 private:
  std::string_view callee_;
  std::array<std::string_view, kMaxParameters> names_{};
  std::array<const Value*, kMaxParameters> values_{};
};

// Fails if a callee that takes no arguments was given any.
void expect_no_arguments(std::string_view callee, const Args& args);

}  // namespace chitu::jinja
