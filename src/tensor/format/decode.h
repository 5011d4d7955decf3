// Any number format to float, one value after the other: the definition that kernels are tested
// against. Equal to `gguf.quants.dequantize` of the "gguf" Python package bit for bit (a NaN may
// differ in its payload). No compiler option is needed for that: a half (11 bits) times a group
// scale (at most 8 bits) times a quantized value (at most 5) is exact in float, so fusing the
// product with the sum that follows changes nothing.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace chitu {

// False for integers and for formats whose values need scales stored elsewhere.
bool can_decode(DType type);

// Writes n values. `source` needs no alignment.
// REQUIRES: can_decode(type); n a multiple of info(type).block_elements.
void decode(DType type, const void* source, float* values, int64_t n);

}  // namespace chitu
