// Blocks of integers or FP8 with a scale in float: what weights become whose scales a checkpoint
// keeps beside the values (grouped.h).
//   I4, I8: value = d * (code - middle - zero), with a middle of 8 or 128
//   F8:     value = d * code, in E4M3
#pragma once

#include <cstdint>

#include "tensor/format/always_inline.h"
#include "tensor/format/e4m3.h"

namespace chitu {

template <int kGroup>
struct BlockI4 {
  static constexpr int kElements = kGroup;

  float d;
  int8_t zero;
  uint8_t padding[3];
  uint8_t qs[kGroup / 2];  // values 2 i and 2 i + 1 in the low and high nibble of byte i
};
static_assert(sizeof(BlockI4<32>) == 24 && sizeof(BlockI4<128>) == 72);

template <int kGroup>
struct BlockI8 {
  static constexpr int kElements = kGroup;

  float d;
  int8_t zero;
  uint8_t padding[3];
  uint8_t qs[kGroup];
};
static_assert(sizeof(BlockI8<32>) == 40 && sizeof(BlockI8<128>) == 136);

template <int kGroup>
struct BlockF8 {
  static constexpr int kElements = kGroup;

  float d;
  uint8_t qs[kGroup];
};
static_assert(sizeof(BlockF8<128>) == 132);

// The codes of the values, without scale and zero; 8 or 128 stands for 0.
template <int kGroup>
CHITU_ALWAYS_INLINE void block_codes(const BlockI4<kGroup>& block, uint8_t* codes) {
  for (int i = 0; i < kGroup / 2; ++i) {
    codes[2 * i] = block.qs[i] & 0xf;
    codes[2 * i + 1] = static_cast<uint8_t>(block.qs[i] >> 4);
  }
}
template <int kGroup>
CHITU_ALWAYS_INLINE void block_codes(const BlockI8<kGroup>& block, uint8_t* codes) {
  for (int i = 0; i < kGroup; ++i) codes[i] = block.qs[i];
}

template <int kGroup>
CHITU_ALWAYS_INLINE void decode_block(const BlockI4<kGroup>& block, float* values) {
  uint8_t codes[kGroup];
  block_codes(block, codes);
  for (int i = 0; i < kGroup; ++i)
    values[i] = block.d * static_cast<float>(codes[i] - 8 - block.zero);
}
template <int kGroup>
CHITU_ALWAYS_INLINE void decode_block(const BlockI8<kGroup>& block, float* values) {
  for (int i = 0; i < kGroup; ++i)
    values[i] = block.d * static_cast<float>(block.qs[i] - 128 - block.zero);
}
template <int kGroup>
CHITU_ALWAYS_INLINE void decode_block(const BlockF8<kGroup>& block, float* values) {
  for (int i = 0; i < kGroup; ++i) values[i] = block.d * e4m3_to_float(block.qs[i]);
}

}  // namespace chitu
