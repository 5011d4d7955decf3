// Detokenization while the tokens are being made.
#pragma once

#include <cstdint>
#include <string>

#include "text/decoder.h"
#include "text/tokenizer.h"

namespace chitu {

// Each token's text as soon as it is certain: no half characters, nothing twice, and all pieces
// together, flush() included, are Tokenizer::decode() of all tokens.
class StreamDecoder {
 public:
  // The tokenizer must outlive the object.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true);

  // The text that became certain with this token; may be empty.
  std::string push(int32_t id);

  // The rest: characters that never became whole, as U+FFFD. The object then begins a new text.
  std::string flush();

 private:
  const TokenizerParts* parts_;
  bool skip_special_;
  Decoder::State state_;
};

}  // namespace chitu
