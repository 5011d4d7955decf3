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

// The codes of the values, without scale; 4 stands for 0.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ3_K& block, uint8_t* codes) {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* qs = block.qs + half * 32;
    uint8_t* to = codes + half * 128;
    for (int l = 0; l < 32; ++l) {
      const int high = block.hmask[l] >> (half * 4);
      to[l] = static_cast<uint8_t>((qs[l] & 3) | (high & 1) << 2);
      to[l + 32] = static_cast<uint8_t>((qs[l] >> 2 & 3) | (high & 2) << 1);
      to[l + 64] = static_cast<uint8_t>((qs[l] >> 4 & 3) | (high & 4));
      to[l + 96] = static_cast<uint8_t>(qs[l] >> 6 | (high & 8) >> 1);
    }
  }
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ3_K& block, float* values) {
  const float d = half_to_float(block.d);
  uint8_t codes[256];
  block_codes(block, codes);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(q3_k_scale(block.scales, group) - 32);
    for (int i = group * 16; i < group * 16 + 16; ++i)
      values[i] = scale * static_cast<float>(codes[i] - 4);
  }
}

}  // namespace chitu
