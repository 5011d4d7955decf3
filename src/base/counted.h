// Counts in messages.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

namespace chitu {

// "1 token", "3 tokens": a noun whose plural is its singular and an s.
std::string counted(std::integral auto n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

}  // namespace chitu
