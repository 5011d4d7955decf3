// bfloat16 ("BF16") as raw bits: the upper half of a float.
#pragma once

#include <bit>
#include <cstdint>

#include "tensor/format/always_inline.h"

namespace chitu {

CHITU_ALWAYS_INLINE float bf16_to_float(uint16_t bf16) {
  return std::bit_cast<float>(uint32_t{bf16} << 16);
}

// Rounds to nearest, ties to even. A NaN keeps its sign and the top of its payload and becomes
// quiet.
CHITU_ALWAYS_INLINE uint16_t float_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace chitu
