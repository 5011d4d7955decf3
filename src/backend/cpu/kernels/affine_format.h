// The layout in which quantized weights are multiplied with 8-bit integer dot products.
//
// Every quantized format is affine in groups of 16 or 32 values: value = a * (u - offset) + b, with
// an unsigned code u of at most 8 bits. Codes of 16 rows are interleaved so that a dot product
// instruction, which adds the products of 4 neighbouring bytes, advances 16 rows by 4 columns at
// once and no sum across lanes is ever needed; a step is those 64 codes, row r's in bytes 4r to 4r
// + 3.
//
// A tile is 16 rows by one block of the checkpoint (32 or 256 columns), in the order in which it is
// read:
//   d, m         F16 for each row: [16]; of kBlockZero F32, and the zero in one byte
//   scales, mins one byte for each group and row: [groups][16]
//   parts        for each 32 columns, the low bits of 8 steps: a vector of 64 bytes holds 8 /
//                kLowBits steps, the first in the lowest bits; then the same for the kHighBits
//                above
// A row of tiles follows the columns; the last rows are padded to 16 with zeros.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace chitu::cpu {

inline constexpr int kAffineRows = 16;

// Where a and b come from.
enum class AffineScales : uint8_t {
  kBlock,         // a = d, b = 0
  kBlockMin,      // a = d, b = m
  kGroup,         // a = d * scale (signed), b = 0
  kGroupMin,      // a = d * scale, b = -m * min
  kBlockZero,     // a = d, b = -d * zero (signed); d in float
  kGroupNibbles,  // as kGroupMin, with scale and min in the low and high half of one byte
};

template <DType kFormat_, int kColumns_, int kGroup_, int kLowBits_, int kHighBits_, int kOffset_,
          AffineScales kScales_>
struct AffineFormat {
  static constexpr DType kFormat = kFormat_;
  static constexpr int kColumns = kColumns_;  // of a tile
  static constexpr int kGroup = kGroup_;
  static constexpr int kLowBits = kLowBits_;
  static constexpr int kHighBits = kHighBits_;
  static constexpr int kOffset = kOffset_;
  static constexpr AffineScales kScales = kScales_;

  static constexpr bool kHasGroupScales = kScales == AffineScales::kGroup ||
                                          kScales == AffineScales::kGroupMin ||
                                          kScales == AffineScales::kGroupNibbles;
  static constexpr bool kHasMins =
      kScales == AffineScales::kBlockMin || kScales == AffineScales::kBlockZero ||
      kScales == AffineScales::kGroupMin || kScales == AffineScales::kGroupNibbles;

  static constexpr int kGroups = kColumns / kGroup;
  static constexpr int kDBytes = kScales == AffineScales::kBlockZero ? 4 : 2;
  static constexpr int kMBytes = kScales == AffineScales::kBlockZero ? 1 : kHasMins ? 2 : 0;
  static constexpr int kMAt = kAffineRows * kDBytes;
  static constexpr int kScalesAt = kMAt + kAffineRows * kMBytes;
  static constexpr int kMinsAt = kScalesAt + (kHasGroupScales ? kGroups * kAffineRows : 0);
  static constexpr int kPartsAt =
      kMinsAt + (kScales == AffineScales::kGroupMin ? kGroups * kAffineRows : 0);

  static constexpr int kParts = kColumns / 32;
  static constexpr int kHighAt = kAffineRows * 32 * kLowBits / 8;  // of a part
  static constexpr int kPartBytes = kHighAt + kAffineRows * 32 * kHighBits / 8;
  static constexpr int kTileBytes = kPartsAt + kParts * kPartBytes;
};

using AffineQ8_0 = AffineFormat<DType::kQ8_0, 32, 32, 8, 0, 128, AffineScales::kBlock>;
using AffineQ4_0 = AffineFormat<DType::kQ4_0, 32, 32, 4, 0, 8, AffineScales::kBlock>;
using AffineQ4_1 = AffineFormat<DType::kQ4_1, 32, 32, 4, 0, 0, AffineScales::kBlockMin>;
using AffineQ5_0 = AffineFormat<DType::kQ5_0, 32, 32, 4, 1, 16, AffineScales::kBlock>;
using AffineQ5_1 = AffineFormat<DType::kQ5_1, 32, 32, 4, 1, 0, AffineScales::kBlockMin>;
using AffineQ2_K = AffineFormat<DType::kQ2_K, 256, 16, 2, 0, 0, AffineScales::kGroupNibbles>;
using AffineQ3_K = AffineFormat<DType::kQ3_K, 256, 16, 2, 1, 4, AffineScales::kGroup>;
using AffineQ4_K = AffineFormat<DType::kQ4_K, 256, 32, 4, 0, 0, AffineScales::kGroupMin>;
using AffineQ5_K = AffineFormat<DType::kQ5_K, 256, 32, 4, 1, 0, AffineScales::kGroupMin>;
using AffineI4_G32 = AffineFormat<DType::kI4_G32, 32, 32, 4, 0, 8, AffineScales::kBlockZero>;
using AffineI4_G64 = AffineFormat<DType::kI4_G64, 64, 32, 4, 0, 8, AffineScales::kBlockZero>;
using AffineI4_G128 = AffineFormat<DType::kI4_G128, 128, 32, 4, 0, 8, AffineScales::kBlockZero>;
using AffineI8_G32 = AffineFormat<DType::kI8_G32, 32, 32, 8, 0, 128, AffineScales::kBlockZero>;
using AffineI8_G64 = AffineFormat<DType::kI8_G64, 64, 32, 8, 0, 128, AffineScales::kBlockZero>;
using AffineI8_G128 = AffineFormat<DType::kI8_G128, 128, 32, 8, 0, 128, AffineScales::kBlockZero>;
using AffineQ6_K = AffineFormat<DType::kQ6_K, 256, 16, 4, 2, 32, AffineScales::kGroup>;

// How many steps' products of a code of `bits` bits and +-127 may be added in signed 16 bits, two
// columns a sum: a power of two, at most 8.
constexpr int steps_in_16_bits(int bits) {
  int steps = 8;
  while (steps > 1 && steps * ((1 << bits) - 1) * 127 * 2 > 32767) steps /= 2;
  return steps;
}

}  // namespace chitu::cpu
