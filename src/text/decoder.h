// From tokens back to text, one token at a time.
//
// Every step works on a stream: what it hands on is final, what may still change waits inside its
// state. So a text decoded token by token is the text decoded at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "text/utf8.h"

namespace chitu {

// In each token, or in the text once it is fused. REQUIRES: pattern not empty
struct ReplaceDecode {
  std::string pattern;
  std::string content;
};

// Tokens "<0x0A>" become their bytes; bytes that form no character become U+FFFD, one per byte. The
// `tokenizers` library decides for a whole run of such tokens: one byte that forms no character
// makes all of the run U+FFFD, the good characters too. A stream cannot take back what it has
// handed on.
struct ByteFallbackDecode {};

// From here on the text is one token.
struct FuseDecode {};

// Removes up to `start` and `stop` characters `content` from a token's ends.
struct StripDecode {
  char32_t content = ' ';
  size_t start = 0;
  size_t stop = 0;
};

// GPT-2's alphabet. A token with other characters stands for its own UTF-8. Fuses.
struct ByteLevelDecode {
  bool added_are_text = false;  // added tokens are not written in the alphabet
};

// `replacement` becomes a space; in the first token it is dropped, when drop_first.
struct MetaspaceDecode {
  std::string replacement;
  bool drop_first = true;
};

// A space between tokens: what a tokenizer.json without a decoder means.
struct JoinDecode {};

using DecoderStep = std::variant<ReplaceDecode, ByteFallbackDecode, FuseDecode, StripDecode,
                                 ByteLevelDecode, MetaspaceDecode, JoinDecode>;

class Decoder {
 public:
  // How far one text has come.
  class State {
   private:
    friend class Decoder;
    struct Step {
      utf8::Assembler assembler;
      size_t seen = 0;     // tokens, or characters stripped in front
      bool begun = false;  // a character that is not stripped was seen
      size_t held = 0;     // characters at the end that may still be stripped
    };
    std::vector<Step> steps_;
  };

  Decoder() = default;

  // Errors: kUnsupported for an order of steps that cannot work on a stream, and for replacements
  // that together blow a token up.
  static Result<Decoder> create(std::vector<DecoderStep> steps);

  State begin() const;
  void push(State& state, std::string_view token, bool added, std::string& out) const;
  // The end of the text: hands on all that waited. The state is then used up.
  void flush(State& state, std::string& out) const;

  // The bytes that a token adds to a text when it is not the first: they may be a part of a
  // character.
  std::string bytes(std::string_view token, bool added) const;

 private:
  struct Sink;

  std::vector<DecoderStep> steps_;
  std::vector<bool> fused_;  // by step: whether its input is one long token
};

}  // namespace chitu
