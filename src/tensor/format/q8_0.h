// Q8_0: 32 values of 8 bits, symmetric: value = d * q.
#pragma once

#include <cmath>
#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/half.h"

namespace chitu {

struct BlockQ8_0 {
  static constexpr int kElements = 32;

  uint16_t d;  // F16
  int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

// The codes of the values, without scale; 128 stands for 0.
CHITU_ALWAYS_INLINE void block_codes(const BlockQ8_0& block, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(block.qs[i] + 128);
}

CHITU_ALWAYS_INLINE void decode_block(const BlockQ8_0& block, float* values) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 32; ++i) values[i] = d * static_cast<float>(block.qs[i]);
}

// Sets the scale of a block whose largest magnitude is given, to what makes that 127; returns what
// values are to be multiplied by to become codes, for the scale as it is stored. A largest that is
// not finite makes the scale NaN.
CHITU_ALWAYS_INLINE float set_scale(BlockQ8_0& block, float largest) {
  constexpr float kMostScale = 65504.0F;  // of an F16
  const float d = largest / 127.0F + largest * 0.0F;
  block.d = float_to_half(d > kMostScale ? kMostScale : d);
  const float stored = half_to_float(block.d);
  return stored > 0.0F ? 1.0F / stored : 0.0F;
}

// Codes are the nearest, ties to even, in [-127, 127]; NaN becomes the least. One value that is not
// finite makes all NaN.
CHITU_ALWAYS_INLINE void encode_block(const float* values, BlockQ8_0& block) {
  float largest = 0.0F;
  for (int i = 0; i < 32; ++i) {
    const float magnitude = std::fabs(values[i]);
    largest = magnitude > largest || std::isnan(magnitude) ? magnitude : largest;
  }
  const float inverse = set_scale(block, largest);
  for (int i = 0; i < 32; ++i) {
    const float code = values[i] * inverse;
    const float bounded = code > -127.0F ? (code < 127.0F ? code : 127.0F) : -127.0F;
    block.qs[i] = static_cast<int8_t>(std::nearbyint(bounded));
  }
}

}  // namespace chitu
