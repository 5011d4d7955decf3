// Q2_K: 256 values of 2 bits in 16 groups of 16, each with a 4-bit scale and a 4-bit minimum:
// value = (d * scale) * q - dmin * min.
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"

namespace chitu {

struct BlockQ2_K {
  static constexpr int kElements = 256;

  uint8_t scales[16];  // group g: scale in the low nibble, minimum in the high nibble
  uint8_t qs[64];      // value 128 h + 32 s + l: bits 2s and 2s + 1 of byte 32 h + l
  uint16_t d;          // F16
  uint16_t dmin;       // F16
};
static_assert(sizeof(BlockQ2_K) == 84);

// The codes of the values, without scale and minimum.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ2_K& block, uint8_t* codes) {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* qs = block.qs + half * 32;
    uint8_t* to = codes + half * 128;
    for (int l = 0; l < 32; ++l) {
      to[l] = qs[l] & 3;
      to[l + 32] = qs[l] >> 2 & 3;
      to[l + 64] = qs[l] >> 4 & 3;
      to[l + 96] = static_cast<uint8_t>(qs[l] >> 6);
    }
  }
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ2_K& block, float* values) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  uint8_t codes[256];
  block_codes(block, codes);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(block.scales[group] & 0xf);
    const float min = dmin * static_cast<float>(block.scales[group] >> 4);
    for (int i = group * 16; i < group * 16 + 16; ++i)
      values[i] = scale * static_cast<float>(codes[i]) - min;
  }
}

}  // namespace chitu
