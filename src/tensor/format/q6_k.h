// Q6_K: 256 values of 6 bits in 16 groups of 16, each with an 8-bit scale:
// value = (d * scale) * (q - 32).
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"

namespace chitu {

struct BlockQ6_K {
  static constexpr int kElements = 256;

  uint8_t ql[128];    // value 128 h + 64 s + l: the low (s = 0) or high nibble of byte 64 h + l
  uint8_t qh[64];     // value 128 h + 32 s + l: bits 2s and 2s + 1 of byte 32 h + l
  int8_t scales[16];  // of value i: scales[i / 16]
  uint16_t d;         // F16
};
static_assert(sizeof(BlockQ6_K) == 210);

CHITU_ALWAYS_INLINE void decode_block(const BlockQ6_K& block, float* values) {
  const float d = half_to_float(block.d);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(block.scales[group]);
    const uint8_t* ql = block.ql + group / 8 * 64 + group % 4 * 16;
    const uint8_t* qh = block.qh + group / 8 * 32 + group % 2 * 16;
    const int low_shift = group % 8 / 4 * 4;
    const int high_shift = group % 8 / 2 * 2;
    for (int l = 0; l < 16; ++l) {
      const int q = (ql[l] >> low_shift & 0xf) | (qh[l] >> high_shift & 3) << 4;
      values[group * 16 + l] = scale * static_cast<float>(q - 32);
    }
  }
}

}  // namespace chitu
