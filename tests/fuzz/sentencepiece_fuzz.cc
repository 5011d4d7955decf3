// Any bytes as a SentencePiece model, as tokenizer_json_fuzz.cc does with tokenizer.json.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/tokenizers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto tokenizer =
      chitu::Tokenizer::from_sentencepiece({reinterpret_cast<const char*>(data), size});
  if (tokenizer.ok()) chitu::use_tokenizer(*tokenizer);
  return 0;
}
