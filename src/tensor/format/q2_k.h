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

CHITU_ALWAYS_INLINE void decode_block(const BlockQ2_K& block, float* values) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(block.scales[group] & 0xf);
    const float min = dmin * static_cast<float>(block.scales[group] >> 4);
    const uint8_t* qs = block.qs + group / 8 * 32 + group % 2 * 16;
    const int shift = group % 8 / 2 * 2;
    for (int l = 0; l < 16; ++l) {
      values[group * 16 + l] = scale * static_cast<float>(qs[l] >> shift & 3) - min;
    }
  }
}

}  // namespace chitu
