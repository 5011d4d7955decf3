// Q8_0: 32 values of 8 bits, symmetric: value = d * q.
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"

namespace chitu {

struct BlockQ8_0 {
  static constexpr int kElements = 32;

  uint16_t d;  // F16
  int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

// The codes of the values, without scale; 128 stands for 0.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ8_0& block, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(block.qs[i] + 128);
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ8_0& block, float* values) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 32; ++i) values[i] = d * static_cast<float>(block.qs[i]);
}

}  // namespace chitu
