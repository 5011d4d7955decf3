// Arguments of the programs of bench/.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chitu::ceilings {

inline bool asks_for_help(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc,
                     [](std::string_view word) { return word == "-h" || word == "--help"; });
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "1,2,4"
inline Result<std::vector<int>> read_counts(std::string_view name, std::string_view text) {
  constexpr int kMost = 1024;
  std::vector<int> found;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto count = number<int>(text.substr(begin, end - begin));
    if (!count || *count < 1 || *count > kMost) {
      return make_error(ErrorCode::kInvalidArgument,
                        "{} {}: expected integers in [1, {}], as in 1,2,4", name, text, kMost);
    }
    found.push_back(*count);
    begin = end + 1;
  }
  return found;
}

// Of one measurement.
inline Result<double> read_seconds(std::string_view name, std::string_view text) {
  const auto value = number<double>(text);
  if (!value || !(*value > 0 && *value <= 60)) {
    return make_error(ErrorCode::kInvalidArgument, "{} {}: expected a number in (0, 60]", name,
                      text);
  }
  return *value;
}

}  // namespace chitu::ceilings
