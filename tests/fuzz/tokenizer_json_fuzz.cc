// Any bytes as a tokenizer.json; one that loads must tokenize and decode without a fault, and a
// text decoded token by token must be the text decoded at once.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/tokenizers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto tokenizer = chitu::Tokenizer::from_json({reinterpret_cast<const char*>(data), size});
  if (tokenizer.ok()) chitu::use_tokenizer(*tokenizer);
  return 0;
}
