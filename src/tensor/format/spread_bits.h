// Bits into bytes.
#pragma once

#include <cstdint>
#include <cstring>

#include "tensor/format/always_inline.h"

namespace chitu {

// bytes[i] |= bit i of `bits` << shift, for i in [0, 8).
CHITU_ALWAYS_INLINE void spread_bits(uint8_t bits, int shift, uint8_t* bytes) {
  // Byte i keeps bit i alone; then its top bit says whether that is set.
  const uint64_t kept = bits * 0x0101010101010101U & 0x8040201008040201U;
  const uint64_t spread = (kept + 0x7f7f7f7f7f7f7f7fU) >> 7 & 0x0101010101010101U;
  uint64_t eight;
  std::memcpy(&eight, bytes, sizeof(eight));
  eight |= spread << shift;
  std::memcpy(bytes, &eight, sizeof(eight));
}

}  // namespace chitu
