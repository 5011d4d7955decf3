// Q5_K: 256 values of 5 bits in 8 groups of 32, each with a 6-bit scale and a 6-bit minimum:
// value = (d * scale) * q - dmin * min.
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"
#include "tensor/format/k_scales.h"

namespace chitu {

struct BlockQ5_K {
  static constexpr int kElements = 256;

  uint16_t d;          // F16
  uint16_t dmin;       // F16
  uint8_t scales[12];  // see k_scale_min
  uint8_t qh[32];      // the fifth bit of value l of a group: bit `group` of byte l
  uint8_t qs[128];     // the low four bits, as in Q4_K
};
static_assert(sizeof(BlockQ5_K) == 176);

// The codes of the values, without scale and minimum.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ5_K& block, uint8_t* codes) {
  for (int pair = 0; pair < 4; ++pair) {
    const uint8_t* qs = block.qs + pair * 32;
    uint8_t* to = codes + pair * 64;
    for (int l = 0; l < 32; ++l) {
      const int high = block.qh[l] >> (pair * 2);
      to[l] = static_cast<uint8_t>((qs[l] & 0xf) | (high & 1) << 4);
      to[l + 32] = static_cast<uint8_t>(qs[l] >> 4 | (high & 2) << 3);
    }
  }
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ5_K& block, float* values) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  uint8_t codes[256];
  block_codes(block, codes);
  for (int group = 0; group < 8; ++group) {
    const ScaleMin packed = k_scale_min(block.scales, group);
    const float scale = d * static_cast<float>(packed.scale);
    const float min = dmin * static_cast<float>(packed.min);
    for (int i = group * 32; i < group * 32 + 32; ++i)
      values[i] = scale * static_cast<float>(codes[i]) - min;
  }
}

}  // namespace chitu
