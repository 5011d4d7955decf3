// Character classes and case, by the Unicode character database (ICU).
#pragma once

#include <string>
#include <string_view>

namespace chitu::unicode {

bool is_whitespace(char32_t c);   // property White_Space
bool is_numeric(char32_t c);      // general category N
bool is_punctuation(char32_t c);  // ASCII punctuation and symbols, or general category P
bool is_mark(char32_t c);         // general category M
bool is_word(char32_t c);         // \w: Alphabetic, marks, decimal numbers, connectors, joiners

// The bytes of white space at the two ends. REQUIRES: valid UTF-8.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);

// The lower case of one character, regardless of its neighbours (U+0130 gives two).
void append_lower(char32_t c, std::string& out);

enum class Form { kNfc, kNfd, kNfkc, kNfkd };

// REQUIRES: valid UTF-8.
std::string normalize(std::string_view text, Form form);

}  // namespace chitu::unicode
