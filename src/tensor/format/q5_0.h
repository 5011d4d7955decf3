// Q5_0: 32 values of 5 bits, symmetric: value = d * (q - 16).
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"

namespace chitu {

struct BlockQ5_0 {
  static constexpr int kElements = 32;

  uint16_t d;      // F16
  uint8_t qh[4];   // the fifth bit of value i is bit i, little endian
  uint8_t qs[16];  // the low four bits, as in Q4_0
};
static_assert(sizeof(BlockQ5_0) == 22);

CHITU_ALWAYS_INLINE void decode_block(const BlockQ5_0& block, float* values) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 32; ++i) {
    const int low = i < 16 ? block.qs[i] & 0xf : block.qs[i - 16] >> 4;
    const int high = block.qh[i / 8] >> (i % 8) & 1;
    values[i] = d * static_cast<float>((low | high << 4) - 16);
  }
}

}  // namespace chitu
