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

CHITU_ALWAYS_INLINE void decode_block(const BlockQ5_K& block, float* values) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  for (int group = 0; group < 8; ++group) {
    const ScaleMin packed = k_scale_min(block.scales, group);
    const float scale = d * static_cast<float>(packed.scale);
    const float min = dmin * static_cast<float>(packed.min);
    const uint8_t* qs = block.qs + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int l = 0; l < 32; ++l) {
      const int q = (qs[l] >> shift & 0xf) | (block.qh[l] >> group & 1) << 4;
      values[group * 32 + l] = scale * static_cast<float>(q) - min;
    }
  }
}

}  // namespace chitu
