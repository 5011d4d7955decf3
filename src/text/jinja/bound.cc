#include "text/jinja/bound.h"

#include <algorithm>

#include "base/check.h"
#include "text/jinja/compare.h"

namespace chitu::jinja {

Bound::Bound(std::string_view callee, const Args& args,
             std::initializer_list<std::string_view> names, size_t required, bool positional_only)
    : callee_(callee) {
  CHECK(names.size() <= kMaxParameters);
  std::copy(names.begin(), names.end(), names_.begin());
  if (args.positional.size() > names.size()) {
    fail("{}() takes at most {} arguments, {} are given", callee, names.size(),
         args.positional.size());
  }
  for (size_t i = 0; i < args.positional.size(); ++i) values_[i] = &args.positional[i];
  for (const auto& [name, value] : args.keyword) {
    const auto* it = std::find(names.begin(), names.end(), name);
    if (it == names.end() || positional_only)
      fail("{}() takes no argument named '{}'", callee, name);
    const Value*& slot = values_[static_cast<size_t>(it - names.begin())];
    if (slot != nullptr) fail("{}() is given its argument '{}' twice", callee, name);
    slot = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (values_[i] == nullptr) fail("{}() lacks its argument '{}'", callee, names_[i]);
  }
}

int64_t Bound::integer(size_t i, int64_t fallback) const {
  if (!given(i)) return fallback;
  if (values_[i]->is_undefined()) fail("{}", undefined_message(*values_[i]));
  if (!values_[i]->is_integral()) {
    fail("{}(): '{}' must be an integer, not {}", callee_, names_[i], type_name(*values_[i]));
  }
  return values_[i]->as_int();
}

bool Bound::truth(size_t i, bool fallback) const {
  return given(i) ? truthy(*values_[i]) : fallback;
}

const std::string& Bound::text(size_t i) const {
  if (!values_[i]->is_string()) {
    fail("{}(): '{}' must be a string, not {}", callee_, names_[i], type_name(*values_[i]));
  }
  return values_[i]->text();
}

std::string_view Bound::text_or(size_t i, std::string_view fallback) const {
  return given(i) ? std::string_view(text(i)) : fallback;
}

void expect_no_arguments(std::string_view callee, const Args& args) {
  if (!args.positional.empty() || !args.keyword.empty()) fail("{}() takes no arguments", callee);
}

}  // namespace chitu::jinja
