#include "text/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include "base/check.h"
#include "text/utf8.h"

namespace chitu::unicode {
namespace {

const icu::Normalizer2& normalizer(Form form) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* found = nullptr;
  switch (form) {
    case Form::kNfc:
      found = icu::Normalizer2::getNFCInstance(error);
      break;
    case Form::kNfd:
      found = icu::Normalizer2::getNFDInstance(error);
      break;
    case Form::kNfkc:
      found = icu::Normalizer2::getNFKCInstance(error);
      break;
    case Form::kNfkd:
      found = icu::Normalizer2::getNFKDInstance(error);
      break;
  }
  CHECK(U_SUCCESS(error) && found != nullptr);  // the tables are part of the ICU library
  return *found;
}

UChar32 icu_char(char32_t c) { return static_cast<UChar32>(c); }

}  // namespace

bool is_whitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return u_isUWhiteSpace(icu_char(c)) != 0;
}

bool is_numeric(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return (U_GET_GC_MASK(icu_char(c)) & U_GC_N_MASK) != 0;
}

bool is_punctuation(char32_t c) {
  const bool ascii = (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
                     (c >= '{' && c <= '~');
  if (c < 0x80) return ascii;
  return (U_GET_GC_MASK(icu_char(c)) & U_GC_P_MASK) != 0;
}

bool is_mark(char32_t c) { return (U_GET_GC_MASK(icu_char(c)) & U_GC_M_MASK) != 0; }

bool is_word(char32_t c) {
  constexpr uint32_t kCategories = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return u_isUAlphabetic(icu_char(c)) != 0 || (U_GET_GC_MASK(icu_char(c)) & kCategories) != 0 ||
         u_hasBinaryProperty(icu_char(c), UCHAR_JOIN_CONTROL) != 0;
}

size_t leading_space(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && is_whitespace(utf8::code_point(text.substr(i)))) {
    i += utf8::length(text[i]);
  }
  return i;
}

size_t trailing_space(std::string_view text) {
  const size_t size = text.size();
  while (!text.empty() && is_whitespace(utf8::code_point(utf8::last_character(text)))) {
    text.remove_suffix(utf8::last_character(text).size());
  }
  return size - text.size();
}

void append_lower(char32_t c, std::string& out) {
  if (c == 0x130) {  // the only character whose lower case is not one character
    utf8::append('i', out);
    utf8::append(0x307, out);
    return;
  }
  utf8::append(static_cast<char32_t>(u_tolower(icu_char(c))), out);
}

std::string normalize(std::string_view text, Form form) {
  std::string out;
  out.reserve(text.size());
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode error = U_ZERO_ERROR;
  normalizer(form).normalizeUTF8(
      0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, error);
  CHECK(U_SUCCESS(error));
  return out;
}

}  // namespace chitu::unicode
