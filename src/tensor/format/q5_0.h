// Q5_0: 32 values of 5 bits, symmetric: value = d * (q - 16).
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"
#include "tensor/format/spread_bits.h"

namespace chitu {

struct BlockQ5_0 {
  static constexpr int kElements = 32;

  uint16_t d;      // F16
  uint8_t qh[4];   // the fifth bit of value i is bit i, little endian
  uint8_t qs[16];  // the low four bits, as in Q4_0
};
static_assert(sizeof(BlockQ5_0) == 22);

// The codes of the values, without scale; 16 stands for 0.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ5_0& block, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = block.qs[i] & 0xf;
    codes[i + 16] = static_cast<uint8_t>(block.qs[i] >> 4);
  }
  for (int i = 0; i < 4; ++i) spread_bits(block.qh[i], 4, codes + i * 8);
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ5_0& block, float* values) {
  const float d = half_to_float(block.d);
  uint8_t codes[32];
  block_codes(block, codes);
  for (int i = 0; i < 32; ++i) values[i] = d * static_cast<float>(codes[i] - 16);
}

}  // namespace chitu
