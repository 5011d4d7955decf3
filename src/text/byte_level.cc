#include "text/byte_level.h"

#include <array>

#include "text/utf8.h"

namespace chitu::byte_level {
namespace {

constexpr int kLastCharacter = 0x143;

struct Tables {
  std::array<char16_t, 256> characters{};
  std::array<int16_t, kLastCharacter + 1> bytes{};
};

// Printable characters of Latin-1 stand for themselves; the others, in order, for U+0100 and on.
constexpr Tables make_tables() {
  Tables tables;
  tables.bytes.fill(-1);
  char16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    const char16_t character = printable ? static_cast<char16_t>(byte) : next++;
    tables.characters[static_cast<size_t>(byte)] = character;
    tables.bytes[character] = static_cast<int16_t>(byte);
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

char32_t character(uint8_t byte) { return kTables.characters[byte]; }

int byte_of(char32_t character) {
  return character > kLastCharacter ? -1 : kTables.bytes[character];
}

void append_encoded(std::string_view bytes, std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + 2 * bytes.size());
  char* p = out.data() + begin;
  for (const char byte : bytes) {
    const char16_t c = kTables.characters[static_cast<uint8_t>(byte)];
    if (c < 0x80) {
      *p++ = static_cast<char>(c);
    } else {
      *p++ = static_cast<char>(0xC0 | c >> 6);
      *p++ = static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  out.resize(static_cast<size_t>(p - out.data()));
}

bool append_decoded(std::string_view text, std::string& out) {
  const size_t begin = out.size();
  for (size_t i = 0; i < text.size(); i += utf8::length(text[i])) {
    const int byte = byte_of(utf8::code_point(text.substr(i)));
    if (byte < 0) {
      out.resize(begin);
      return false;
    }
    out += static_cast<char>(byte);
  }
  return true;
}

}  // namespace chitu::byte_level
