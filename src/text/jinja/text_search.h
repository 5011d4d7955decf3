// Finding, splitting and replacing in strings: the parts that methods and filters share.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

// str.replace: at most `count` times, a negative count for all. An empty `old` stands between all
// characters.
Value replace(const Value& text, std::string_view old, std::string_view replacement, int64_t count,
              Runtime& rt);

// str.strip with a set of characters, or white space without one.
enum class Side : uint8_t { kBoth, kLeft, kRight };
std::string_view strip(std::string_view s, Side side);
std::string_view strip(std::string_view s, Side side, std::string_view characters);

}  // namespace chitu::jinja
