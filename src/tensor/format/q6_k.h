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

// The codes of the values, without scale; 32 stands for 0.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ6_K& block, uint8_t* codes) {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* ql = block.ql + half * 64;
    const uint8_t* qh = block.qh + half * 32;
    uint8_t* to = codes + half * 128;
    for (int l = 0; l < 32; ++l) {
      to[l] = static_cast<uint8_t>((ql[l] & 0xf) | (qh[l] & 3) << 4);
      to[l + 32] = static_cast<uint8_t>((ql[l + 32] & 0xf) | (qh[l] >> 2 & 3) << 4);
      to[l + 64] = static_cast<uint8_t>(ql[l] >> 4 | (qh[l] >> 4 & 3) << 4);
      to[l + 96] = static_cast<uint8_t>(ql[l + 32] >> 4 | (qh[l] >> 6) << 4);
    }
  }
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ6_K& block, float* values) {
  const float d = half_to_float(block.d);
  uint8_t codes[256];
  block_codes(block, codes);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(block.scales[group]);
    for (int i = group * 16; i < group * 16 + 16; ++i)
      values[i] = scale * static_cast<float>(codes[i] - 32);
  }
}

}  // namespace chitu
