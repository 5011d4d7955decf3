#include "text/jinja/string_literal.h"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <charconv>

#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

// Reads exactly `digits` hexadecimal digits at `pos`.
bool read_hex(std::string_view s, size_t& pos, size_t digits, char32_t& value) {
  if (s.size() - pos < digits) return false;
  uint32_t v = 0;
  const char* end = s.data() + pos + digits;
  const auto [stop, error] = std::from_chars(s.data() + pos, end, v, 16);
  if (error != std::errc() || stop != end) return false;
  pos += digits;
  value = v;
  return true;
}

// \N{NAME}, after the N.
bool read_named(std::string_view s, size_t& pos, char32_t& value) {
  const size_t close = s.find('}', pos);
  if (pos >= s.size() || s[pos] != '{' || close == std::string_view::npos) return false;
  const std::string name(s.substr(pos + 1, close - pos - 1));
  UErrorCode status = U_ZERO_ERROR;
  const UChar32 c = u_charFromName(U_EXTENDED_CHAR_NAME, name.c_str(), &status);
  if (U_FAILURE(status)) return false;
  pos = close + 1;
  value = static_cast<char32_t>(c);
  return true;
}

char32_t read_octal(std::string_view s, size_t& pos) {
  char32_t value = 0;
  for (int i = 0; i < 3 && pos < s.size() && s[pos] >= '0' && s[pos] <= '7'; ++i) {
    value = value * 8 + static_cast<char32_t>(s[pos++] - '0');
  }
  return value;
}

}  // namespace

bool unescape(std::string_view s, std::string& value, std::string& error) {
  for (size_t pos = 0; pos < s.size();) {
    if (s[pos] != '\\') {
      value += s[pos++];
      continue;
    }
    const size_t start = pos++;
    const char c = pos < s.size() ? s[pos++] : '\\';
    static constexpr std::string_view kPlain = "\\'\"abfnrtv";
    static constexpr std::string_view kMeans = "\\'\"\a\b\f\n\r\t\v";
    char32_t code = 0;
    bool ok = true;
    if (const size_t i = kPlain.find(c); i != std::string_view::npos) {
      value += kMeans[i];
      continue;
    }
    if (c == '\n') continue;
    if (c >= '0' && c <= '7') {
      code = read_octal(s, --pos);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      ok = read_hex(s, pos, c == 'x' ? 2 : c == 'u' ? 4 : 8, code);
    } else if (c == 'N') {
      ok = read_named(s, pos, code);
    } else {
      value += s.substr(start, pos - start);  // not an escape: both characters stay
      continue;
    }
    if (!ok || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      error = fmt::format("the escape '{}' in a string is not a character",
                          s.substr(start, pos - start));
      return false;
    }
    utf8::append(code, value);
  }
  return true;
}

}  // namespace chitu::jinja
