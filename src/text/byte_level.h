// The byte alphabet of GPT-2: every byte stands for one printable character, so that a vocabulary
// of byte strings can be written as text ("Ġ" is the space, "Ċ" the line feed).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace chitu::byte_level {

// The character that stands for a byte, in [0x21, 0x143].
char32_t character(uint8_t byte);

// The byte a character stands for, or -1.
int byte_of(char32_t character);

// Appends the characters of the bytes.
void append_encoded(std::string_view bytes, std::string& out);

// Appends the bytes of the characters. False, and nothing appended, when a character is not of the
// alphabet. REQUIRES: valid UTF-8.
bool append_decoded(std::string_view text, std::string& out);

}  // namespace chitu::byte_level
