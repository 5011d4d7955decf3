// Text as Python sees it: code points over UTF-8, and the character classes of str's methods.
// Every string in the engine is valid UTF-8; from_json and the lexer see to that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/utf8.h"

namespace chitu::jinja {

bool is_utf8(std::string_view s);
int64_t count_code_points(std::string_view s);
char32_t next_code_point(std::string_view s,
                         size_t& pos);  // REQUIRES: pos < s.size(); moves past it
size_t previous_code_point(std::string_view s, size_t pos);   // REQUIRES: pos > 0; where it begins
size_t code_point_offset(std::string_view s, int64_t index);  // in bytes; the end when past it

bool is_space(char32_t c);      // str.isspace, and \s
bool is_word(char32_t c);       // \w
bool is_printable(char32_t c);  // what repr() shows as it is
bool is_identifier_start(char32_t c);
bool is_identifier_part(char32_t c);

std::string_view trim_left(std::string_view s);
std::string_view trim_right(std::string_view s);

std::string to_upper(std::string_view s);
std::string to_lower(std::string_view s);
std::string to_title(std::string_view s);        // str.title
std::string to_capitalized(std::string_view s);  // str.capitalize
std::string swap_case(std::string_view s);
std::string case_fold(std::string_view s);

// str.isupper and friends.
bool all_upper(std::string_view s);
bool all_lower(std::string_view s);
bool all_title(std::string_view s);
bool all_alpha(std::string_view s);
bool all_alnum(std::string_view s);
bool all_digit(std::string_view s);
bool all_decimal(std::string_view s);
bool all_numeric(std::string_view s);
bool all_space(std::string_view s);
bool all_printable(std::string_view s);
bool all_ascii(std::string_view s);
bool all_identifier(std::string_view s);

// str.splitlines
std::vector<std::string_view> split_lines(std::string_view s, bool keep_ends);

}  // namespace chitu::jinja
