#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chitu {

// The bytes of standard base64 (RFC 4648), with or without padding; nothing when it is malformed.
std::optional<std::string> decode_base64(std::string_view text);

// With padding.
std::string encode_base64(std::string_view bytes);

}  // namespace chitu
