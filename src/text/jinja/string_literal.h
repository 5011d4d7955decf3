// The escapes of a string literal, as Python's "unicode-escape" codec reads them.
#pragma once

#include <string>
#include <string_view>

namespace chitu::jinja {

// False, with the reason in `error`, for a truncated or out-of-range escape.
bool unescape(std::string_view literal, std::string& value, std::string& error);

}  // namespace chitu::jinja
