// Any bytes as a safetensors file: an error, or tensors that lie within it.
#include "io/safetensors.h"
#include "tests/fuzz/tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  if (const auto tensors = chitu::parse_safetensors(file)) chitu::touch_tensors(file, *tensors);
  return 0;
}
