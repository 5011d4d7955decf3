// Where a normalizer or pre-tokenizer cuts or replaces: a regular expression, a fixed text, or a
// class of characters.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/result.h"
#include "text/regex.h"
#include "text/utf8.h"

namespace chitu {

class Finder {
 public:
  using Predicate = bool (*)(char32_t);

  explicit Finder(Regex regex) : rule_(std::move(regex)) {}
  explicit Finder(Predicate predicate) : rule_(predicate) {}
  // REQUIRES: not empty
  explicit Finder(std::string text) : rule_(std::move(text)) {}

  // The fixed text, when it is one.
  const std::string* text() const { return std::get_if<std::string>(&rule_); }

  // Calls f(begin, end) for every match, left to right; for a class, for every character.
  template <class F>
  Status for_each(std::string_view text, MatchScratch& scratch, F&& f) const {
    if (const auto* regex = std::get_if<Regex>(&rule_)) return regex->for_each(text, scratch, f);
    if (const auto* fixed = std::get_if<std::string>(&rule_)) {
      for (size_t i = text.find(*fixed); i != std::string_view::npos;
           i = text.find(*fixed, i + fixed->size())) {
        f(i, i + fixed->size());
      }
      return {};
    }
    const Predicate matches = std::get<Predicate>(rule_);
    utf8::for_each(text, [&](char32_t c, size_t begin, size_t end) {
      if (matches(c)) f(begin, end);
    });
    return {};
  }

 private:
  std::variant<Regex, Predicate, std::string> rule_;
};

}  // namespace chitu
