// FP8 E4M3 as PyTorch's float8_e4m3fn has it: bias 7, no infinities, 0x7f and 0xff are NaN.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "tensor/format/always_inline.h"

namespace chitu {

CHITU_ALWAYS_INLINE float e4m3_to_float(uint8_t bits) {
  // Exponent and mantissa as those of a float, whose bias is greater by 120; subnormal numbers come
  // out right too.
  const float magnitude = std::bit_cast<float>(static_cast<uint32_t>(bits & 0x7f) << 20) * 0x1p120F;
  const float value = (bits & 0x80) != 0 ? -magnitude : magnitude;
  return (bits & 0x7f) == 0x7f ? std::numeric_limits<float>::quiet_NaN() : value;
}

}  // namespace chitu
