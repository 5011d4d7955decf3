// Any bytes as a GGUF file: an error, or tensors and metadata that lie within it.
#include <limits>

#include "io/gguf.h"
#include "io/gguf_split.h"
#include "tests/fuzz/tensors.h"

namespace {

void read_metadata(const chitu::GgufMetadata& metadata) {
  for (const auto& [key, value] : metadata.values()) {
    (void)metadata.integer(key, 0, std::numeric_limits<int64_t>::max());
    (void)metadata.number(key);
    (void)metadata.boolean_or(key, false);
    (void)metadata.string(key);
    (void)metadata.integers(key);
    (void)metadata.numbers(key);
    if (const auto strings = metadata.strings(key)) CHECK(strings->size() == value.count);
  }
  (void)chitu::check_gguf_part(metadata, 0, 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  if (const auto gguf = chitu::parse_gguf(file)) {
    chitu::touch_tensors(file, gguf->tensors);
    read_metadata(gguf->metadata);
  }
  return 0;
}
