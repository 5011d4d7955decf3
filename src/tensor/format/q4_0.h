// Q4_0: 32 values of 4 bits, symmetric: value = d * (q - 8).
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"

namespace chitu {

struct BlockQ4_0 {
  static constexpr int kElements = 32;

  uint16_t d;      // F16
  uint8_t qs[16];  // value i in the low nibble of byte i, value 16 + i in the high nibble
};
static_assert(sizeof(BlockQ4_0) == 18);

// The codes of the values, without scale; 8 stands for 0.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ4_0& block, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = block.qs[i] & 0xf;
    codes[i + 16] = static_cast<uint8_t>(block.qs[i] >> 4);
  }
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ4_0& block, float* values) {
  const float d = half_to_float(block.d);
  uint8_t codes[32];
  block_codes(block, codes);
  for (int i = 0; i < 32; ++i) values[i] = d * static_cast<float>(codes[i] - 8);
}

}  // namespace chitu
