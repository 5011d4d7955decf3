// The eight pairs of 6-bit scale and minimum that Q4_K and Q5_K pack into twelve bytes.
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"

namespace chitu {

struct ScaleMin {
  int scale;  // [0, 63]
  int min;    // [0, 63]
};

// Groups 0 to 3: the low six bits of byte group (scale) and of byte 4 + group (minimum). Groups 4
// to 7: the low and the high nibble of byte 4 + group, and above them the top two bits of the bytes
// that hold scale and minimum of group - 4.
CHITU_ALWAYS_INLINE ScaleMin k_scale_min(const uint8_t* scales, int group) {
  if (group < 4) return {scales[group] & 0x3f, scales[4 + group] & 0x3f};
  const uint8_t low = scales[4 + group];
  return {(low & 0xf) | (scales[group - 4] >> 6) << 4, low >> 4 | (scales[group] >> 6) << 4};
}

}  // namespace chitu
