// Q3_K: 256 values of 3 bits in 16 groups of 16, each with a 6-bit scale:
// value = (d * (scale - 32)) * (q - 4).
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"

namespace chitu {

struct BlockQ3_K {
  static constexpr int kElements = 256;

  uint8_t hmask[32];   // the third bit of value 32 s + l: bit s of byte l
  uint8_t qs[64];      // the low two bits, as in Q2_K
  uint8_t scales[12];  // see q3_k_scale
  uint16_t d;          // F16
};
static_assert(sizeof(BlockQ3_K) == 110);

// The 6-bit scale of a group, in [0, 63]. Its low four bits are the low (groups 0 to 7) or high
// (8 to 15) nibble of byte group % 8, its high two bits are bits 2 (group / 4) and up of byte
// 8 + group % 4.
CHITU_ALWAYS_INLINE int q3_k_scale(const uint8_t* scales, int group) {
  const int low = scales[group % 8] >> (group / 8 * 4) & 0xf;
  const int high = scales[8 + group % 4] >> (group / 4 * 2) & 3;
  return low | high << 4;
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ3_K& block, float* values) {
  const float d = half_to_float(block.d);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(q3_k_scale(block.scales, group) - 32);
    const uint8_t* qs = block.qs + group / 8 * 32 + group % 2 * 16;
    const uint8_t* hmask = block.hmask + group % 2 * 16;
    const int shift = group % 8 / 2 * 2;
    for (int l = 0; l < 16; ++l) {
      const int q = (qs[l] >> shift & 3) | (hmask[l] >> (group / 2) & 1) << 2;
      values[group * 16 + l] = scale * static_cast<float>(q - 4);
    }
  }
}

}  // namespace chitu
