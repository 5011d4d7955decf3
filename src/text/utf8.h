// UTF-8 in pieces: the text that reaches a tokenizer may be any bytes, and the bytes that leave a
// model arrive in tokens that cut characters apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace chitu::utf8 {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

enum class Kind {
  kValid,       // one character
  kInvalid,     // the longest prefix of a character that cannot be continued ("maximal subpart")
  kIncomplete,  // the text ends inside a character
};

struct Sequence {
  Kind kind;
  size_t length;  // bytes, at least 1
};

// What stands at the front of `text`, by Table 3-7 of the Unicode standard. REQUIRES: not empty.
Sequence classify(std::string_view text);

// Bytes of `text` before the first that is not part of a whole character.
size_t valid_prefix(std::string_view text);

// Appends `text` with every maximal invalid subpart as one U+FFFD, as Python's
// bytes.decode(errors="replace") and Rust's from_utf8_lossy do.
void append_lossy(std::string_view text, std::string& out);

void append(char32_t code, std::string& out);

// Bytes of the character that begins with `lead`. REQUIRES: the lead byte of valid UTF-8.
inline size_t length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// Whether a character ends before text[at]. REQUIRES: valid UTF-8.
inline bool ends_character(std::string_view text, size_t at) {
  return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

// The last character. REQUIRES: valid UTF-8, not empty.
inline std::string_view last_character(std::string_view text) {
  size_t begin = text.size() - 1;
  while (!ends_character(text, begin)) --begin;
  return text.substr(begin);
}

// The character at text[0]. REQUIRES: valid UTF-8, not empty.
inline char32_t code_point(std::string_view text) {
  const auto byte = [&](size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
  };
  const auto tail = [&](size_t i) { return byte(i) & 0x3F; };
  switch (length(text[0])) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1F) << 6 | tail(1);
    case 3:
      return (byte(0) & 0x0F) << 12 | tail(1) << 6 | tail(2);
    default:
      return (byte(0) & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
  }
}

// Calls f(code, begin, end) for every character. REQUIRES: valid UTF-8.
template <class F>
void for_each(std::string_view text, F&& f) {
  for (size_t i = 0; i < text.size();) {
    const size_t n = length(text[i]);
    f(code_point(text.substr(i)), i, i + n);
    i += n;
  }
}

// Gathers bytes that arrive in pieces and hands out whole characters.
class Assembler {
 public:
  enum class Invalid { kPerSubpart, kPerByte };  // how many U+FFFD stand for invalid bytes

  Assembler() = default;
  explicit Assembler(Invalid invalid) : invalid_(invalid) {}

  void push(std::string_view bytes, std::string& out);
  void flush(std::string& out);  // what is left can no longer become a character
  bool empty() const { return pending_.empty(); }

 private:
  void replace(size_t bytes, std::string& out) const;

  Invalid invalid_ = Invalid::kPerSubpart;
  std::string pending_;  // a proper prefix of a character
};

}  // namespace chitu::utf8
