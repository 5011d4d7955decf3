#include "text/jinja/unicode.h"

#include <unicode/casemap.h>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

namespace chitu::jinja {
bool is_utf8(std::string_view s) { return utf8::valid_prefix(s) == s.size(); }

int64_t count_code_points(std::string_view s) {
  return std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

char32_t next_code_point(std::string_view s, size_t& pos) {
  const char32_t c = utf8::code_point(s.substr(pos));
  pos += utf8::length(s[pos]);
  return c;
}

size_t previous_code_point(std::string_view s, size_t pos) {
  return pos - utf8::last_character(s.substr(0, pos)).size();
}

size_t code_point_offset(std::string_view s, int64_t index) {
  size_t pos = 0;
  for (; index > 0 && pos < s.size(); --index) pos += utf8::length(s[pos]);
  return pos;
}

namespace {

template <class Test>
bool all_of(std::string_view s, Test test) {
  for (size_t pos = 0; pos < s.size();) {
    if (!test(next_code_point(s, pos))) return false;
  }
  return !s.empty();
}

UChar32 uc(char32_t c) { return static_cast<UChar32>(c); }
bool is_upper(char32_t c) { return u_hasBinaryProperty(uc(c), UCHAR_UPPERCASE); }
bool is_lower(char32_t c) { return u_hasBinaryProperty(uc(c), UCHAR_LOWERCASE); }
bool is_title(char32_t c) { return u_charType(uc(c)) == U_TITLECASE_LETTER; }
bool is_cased(char32_t c) { return is_upper(c) || is_lower(c) || is_title(c); }

bool is_decimal(char32_t c) { return u_charType(uc(c)) == U_DECIMAL_DIGIT_NUMBER; }
bool is_digit(char32_t c) {
  const auto type = u_getIntPropertyValue(uc(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DIGIT || type == U_NT_DECIMAL;
}
bool is_numeric(char32_t c) {
  return u_getIntPropertyValue(uc(c), UCHAR_NUMERIC_TYPE) != U_NT_NONE;
}
bool is_alpha(char32_t c) { return u_isalpha(uc(c)) != 0; }

enum class Case { kUpper, kLower, kTitle, kFold };

// The full mapping (one character may become three) of a text, without a locale.
std::string map_case(std::string_view s, Case to) {
  if (s.empty()) return {};
  const auto source =
      icu::UnicodeString::fromUTF8(icu::StringPiece(s.data(), static_cast<int32_t>(s.size())));
  icu::UnicodeString mapped(source);
  switch (to) {
    case Case::kUpper:
      mapped.toUpper(icu::Locale::getRoot());
      break;
    case Case::kLower:
      mapped.toLower(icu::Locale::getRoot());
      break;
    case Case::kFold:
      mapped.foldCase();
      break;
    case Case::kTitle:
      mapped.toTitle(nullptr, icu::Locale::getRoot(),
                     U_TITLECASE_WHOLE_STRING | U_TITLECASE_NO_BREAK_ADJUSTMENT);
      break;
  }
  std::string out;
  mapped.toUTF8String(out);
  return out;
}

std::string map_one(char32_t c, Case to) {
  std::string one;
  utf8::append(c, one);
  return map_case(one, to);
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_word(char32_t c) { return c == '_' || is_alpha(c) || is_numeric(c); }

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (u_charType(uc(c))) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_SURROGATE:
    case U_PRIVATE_USE_CHAR:
    case U_UNASSIGNED:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
    case U_SPACE_SEPARATOR:
      return false;
    default:
      return true;
  }
}

bool is_identifier_start(char32_t c) {
  return c == '_' || u_hasBinaryProperty(uc(c), UCHAR_XID_START);
}

bool is_identifier_part(char32_t c) { return u_hasBinaryProperty(uc(c), UCHAR_XID_CONTINUE) != 0; }

std::string_view trim_left(std::string_view s) {
  size_t pos = 0;
  while (pos < s.size()) {
    size_t next = pos;
    if (!is_space(next_code_point(s, next))) break;
    pos = next;
  }
  return s.substr(pos);
}

std::string_view trim_right(std::string_view s) {
  size_t end = s.size();
  while (end > 0) {
    const size_t begin = previous_code_point(s, end);
    size_t pos = begin;
    if (!is_space(next_code_point(s, pos))) break;
    end = begin;
  }
  return s.substr(0, end);
}

std::string to_upper(std::string_view s) { return map_case(s, Case::kUpper); }
std::string to_lower(std::string_view s) { return map_case(s, Case::kLower); }
std::string case_fold(std::string_view s) { return map_case(s, Case::kFold); }

std::string to_title(std::string_view s) {
  std::string out;
  bool in_word = false;
  for (size_t pos = 0; pos < s.size();) {
    const char32_t c = next_code_point(s, pos);
    out += map_one(c, in_word ? Case::kLower : Case::kTitle);
    in_word = is_cased(c);
  }
  return out;
}

std::string to_capitalized(std::string_view s) {
  if (s.empty()) return {};
  size_t pos = 0;
  const char32_t first = next_code_point(s, pos);
  // Lower-cased together with what precedes it, so that a final sigma knows its word.
  const std::string lowered = to_lower(s);
  const std::string lowered_first = map_one(first, Case::kLower);
  return map_one(first, Case::kTitle) + lowered.substr(lowered_first.size());
}

std::string swap_case(std::string_view s) {
  std::string out;
  for (size_t pos = 0; pos < s.size();) {
    const char32_t c = next_code_point(s, pos);
    if (is_upper(c)) {
      out += map_one(c, Case::kLower);
    } else if (is_lower(c)) {
      out += map_one(c, Case::kUpper);
    } else {
      utf8::append(c, out);
    }
  }
  return out;
}

bool all_upper(std::string_view s) {
  bool cased = false;
  for (size_t pos = 0; pos < s.size();) {
    const char32_t c = next_code_point(s, pos);
    if (is_lower(c) || is_title(c)) return false;
    cased |= is_upper(c);
  }
  return cased;
}

bool all_lower(std::string_view s) {
  bool cased = false;
  for (size_t pos = 0; pos < s.size();) {
    const char32_t c = next_code_point(s, pos);
    if (is_upper(c) || is_title(c)) return false;
    cased |= is_lower(c);
  }
  return cased;
}

bool all_title(std::string_view s) {
  bool cased = false;
  bool in_word = false;
  for (size_t pos = 0; pos < s.size();) {
    const char32_t c = next_code_point(s, pos);
    if (is_upper(c) || is_title(c)) {
      if (in_word) return false;
      in_word = cased = true;
    } else if (is_lower(c)) {
      if (!in_word) return false;
      cased = true;
    } else {
      in_word = false;
    }
  }
  return cased;
}

bool all_alpha(std::string_view s) { return all_of(s, is_alpha); }
bool all_alnum(std::string_view s) {
  return all_of(s, [](char32_t c) { return is_alpha(c) || is_numeric(c); });
}
bool all_digit(std::string_view s) { return all_of(s, is_digit); }
bool all_decimal(std::string_view s) { return all_of(s, is_decimal); }
bool all_numeric(std::string_view s) { return all_of(s, is_numeric); }
bool all_space(std::string_view s) { return all_of(s, is_space); }
bool all_printable(std::string_view s) { return s.empty() || all_of(s, is_printable); }
bool all_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

bool all_identifier(std::string_view s) {
  size_t pos = 0;
  if (s.empty() || !is_identifier_start(next_code_point(s, pos))) return false;
  while (pos < s.size()) {
    if (!is_identifier_part(next_code_point(s, pos))) return false;
  }
  return true;
}

std::vector<std::string_view> split_lines(std::string_view s, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t pos = 0; pos < s.size();) {
    const size_t at = pos;
    const char32_t c = next_code_point(s, pos);
    const bool ends = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                      c == 0x2028 || c == 0x2029;
    if (!ends) continue;
    if (c == '\r' && pos < s.size() && s[pos] == '\n') ++pos;
    lines.push_back(s.substr(start, (keep_ends ? pos : at) - start));
    start = pos;
  }
  if (start < s.size()) lines.push_back(s.substr(start));
  return lines;
}

}  // namespace chitu::jinja
