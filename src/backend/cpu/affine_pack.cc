#include "backend/cpu/affine_pack.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "tensor/format/grouped_blocks.h"
#include "tensor/format/half.h"
#include "tensor/format/k_scales.h"
#include "tensor/format/q2_k.h"
#include "tensor/format/q3_k.h"
#include "tensor/format/q4_0.h"
#include "tensor/format/q4_1.h"
#include "tensor/format/q4_k.h"
#include "tensor/format/q5_0.h"
#include "tensor/format/q5_1.h"
#include "tensor/format/q5_k.h"
#include "tensor/format/q6_k.h"
#include "tensor/format/q8_0.h"

namespace chitu::cpu {
namespace {

// What a block says beside its codes. Arrays are as long as the block has groups.
struct Scales {
  uint16_t d = 0;
  uint16_t m = 0;
  uint8_t scale[16] = {};  // signed in Q3_K and Q6_K; both in Q2_K
  uint8_t min[16] = {};
};

template <class Block>
Scales scales_d(const Block& block) {
  return {.d = block.d};
}
template <class Block>
Scales scales_d_m(const Block& block) {
  return {.d = block.d, .m = block.m};
}
Scales scales(const BlockQ8_0& block) { return scales_d(block); }
Scales scales(const BlockQ4_0& block) { return scales_d(block); }
Scales scales(const BlockQ5_0& block) { return scales_d(block); }
Scales scales(const BlockQ4_1& block) { return scales_d_m(block); }
Scales scales(const BlockQ5_1& block) { return scales_d_m(block); }

Scales scales(const BlockQ2_K& block) {
  Scales s{.d = block.d, .m = block.dmin};
  std::copy_n(block.scales, 16, s.scale);
  return s;
}
Scales scales(const BlockQ3_K& block) {
  Scales s{.d = block.d};
  for (int g = 0; g < 16; ++g) s.scale[g] = static_cast<uint8_t>(q3_k_scale(block.scales, g) - 32);
  return s;
}
template <class Block>
Scales scales_and_mins(const Block& block) {
  Scales s{.d = block.d, .m = block.dmin};
  for (int g = 0; g < 8; ++g) {
    const ScaleMin packed = k_scale_min(block.scales, g);
    s.scale[g] = static_cast<uint8_t>(packed.scale);
    s.min[g] = static_cast<uint8_t>(packed.min);
  }
  return s;
}
Scales scales(const BlockQ4_K& block) { return scales_and_mins(block); }
Scales scales(const BlockQ5_K& block) { return scales_and_mins(block); }
Scales scales(const BlockQ6_K& block) {
  Scales s{.d = block.d};
  std::memcpy(s.scale, block.scales, sizeof(block.scales));
  return s;
}

// The byte and the shift of one code's low or high bits, `bits` wide, in their planes of a part.
struct Place {
  int byte;
  int shift;
};
Place place(int lane, int column, int bits) {
  const int step = column / 4;
  const int steps = 8 / bits;
  return {step / steps * 64 + lane * 4 + column % 4, step % steps * bits};
}

void put_half(uint8_t* p, uint16_t half) { std::memcpy(p, &half, sizeof(half)); }
uint16_t get_half(const uint8_t* p) {
  uint16_t half;
  std::memcpy(&half, p, sizeof(half));
  return half;
}

template <class Format, class Block>
struct Packer {
  static_assert(Block::kElements == Format::kColumns);
  static constexpr int kLowMask = (1 << Format::kLowBits) - 1;

  // Writes bits [kFirst, kFirst + kBits) of 32 codes as one lane of their planes. Words hold the 4
  // codes of a step.
  template <int kFirst, int kBits>
  static void put_bits(const uint8_t* codes, uint8_t* lane) {
    constexpr int kSteps = 8 / kBits;
    constexpr uint32_t kMask = 0x01010101U * ((1U << kBits) - 1);
    for (int vector = 0; vector < kBits; ++vector) {
      uint32_t word = 0;
      for (int step = 0; step < kSteps; ++step) {
        uint32_t four;
        std::memcpy(&four, codes + (vector * kSteps + step) * 4, sizeof(four));
        word |= (four >> kFirst & kMask) << (step * kBits);
      }
      std::memcpy(lane + vector * 64, &word, sizeof(word));
    }
  }

  // Writes a block as one lane of a tile.
  static void put(const Block& block, int lane, uint8_t* tile) {
    uint8_t codes[Format::kColumns];
    block_codes(block, codes);
    for (int part = 0; part < Format::kParts; ++part) {
      uint8_t* low = tile + Format::kPartsAt + part * Format::kPartBytes + lane * 4;
      put_bits<0, Format::kLowBits>(codes + part * 32, low);
      if constexpr (Format::kHighBits > 0) {
        put_bits<Format::kLowBits, Format::kHighBits>(codes + part * 32, low + Format::kHighAt);
      }
    }
    put_scales(block, lane, tile);
  }

  static void put_scales(const Block& block, int lane, uint8_t* tile) {
    if constexpr (Format::kScales == AffineScales::kBlockZero) {
      std::memcpy(tile + lane * 4, &block.d, sizeof(block.d));
      tile[Format::kMAt + lane] = static_cast<uint8_t>(block.zero);
    } else {
      const Scales scales = cpu::scales(block);
      for (int g = 0; g < Format::kGroups; ++g) {
        if constexpr (Format::kHasGroupScales)
          tile[Format::kScalesAt + g * kAffineRows + lane] = scales.scale[g];
        if constexpr (Format::kScales == AffineScales::kGroupMin) {
          tile[Format::kMinsAt + g * kAffineRows + lane] = scales.min[g];
        }
      }
      put_half(tile + lane * 2, scales.d);
      if constexpr (Format::kHasMins) put_half(tile + Format::kMAt + lane * 2, scales.m);
    }
  }

  static constexpr auto kBlockBytes = static_cast<int64_t>(sizeof(Block));
  // A block that is read right after it has been copied waits for its bytes: copy several.
  static constexpr int64_t kBlocksAtOnce = std::max<int64_t>(1, 512 / kBlockBytes);

  // Writes neighbouring blocks, of any alignment, as one lane of neighbouring tiles.
  static void put_blocks(const std::byte* source, int64_t count, int lane, uint8_t* tiles) {
    Block blocks[kBlocksAtOnce];
    std::memcpy(blocks, source, static_cast<std::size_t>(count * kBlockBytes));
    for (int64_t i = 0; i < count; ++i) put(blocks[i], lane, tiles + i * Format::kTileBytes);
  }

  static int code(const uint8_t* tile, int lane, int column) {
    const uint8_t* part = tile + Format::kPartsAt + column / 32 * Format::kPartBytes;
    const Place low = place(lane, column % 32, Format::kLowBits);
    int u = part[low.byte] >> low.shift & kLowMask;
    if constexpr (Format::kHighBits > 0) {
      const Place high = place(lane, column % 32, Format::kHighBits);
      u |= (part[Format::kHighAt + high.byte] >> high.shift & ((1 << Format::kHighBits) - 1))
           << Format::kLowBits;
    }
    return u;
  }

  static void get(const uint8_t* tile, int lane, float* values) {
    if constexpr (Format::kScales == AffineScales::kBlockZero) {
      float d;
      std::memcpy(&d, tile + lane * 4, sizeof(d));
      const int middle = Format::kOffset + static_cast<int8_t>(tile[Format::kMAt + lane]);
      for (int c = 0; c < Format::kColumns; ++c)
        values[c] = d * static_cast<float>(code(tile, lane, c) - middle);
    } else {
      get_scaled(tile, lane, values);
    }
  }

  static void get_scaled(const uint8_t* tile, int lane, float* values) {
    const float d = half_to_float(get_half(tile + lane * 2));
    float m = 0.0F;
    if constexpr (Format::kHasMins) m = half_to_float(get_half(tile + Format::kMAt + lane * 2));
    for (int c = 0; c < Format::kColumns; ++c) {
      const int at = c / Format::kGroup * kAffineRows + lane;
      [[maybe_unused]] const uint8_t scale = tile[Format::kScalesAt + at];
      float a = d;
      float b = m;
      if constexpr (Format::kScales == AffineScales::kGroup) {
        a *= static_cast<float>(static_cast<int8_t>(scale));
      } else if constexpr (Format::kScales == AffineScales::kGroupMin) {
        a *= static_cast<float>(scale);
        b *= -static_cast<float>(tile[Format::kMinsAt + at]);
      } else if constexpr (Format::kScales == AffineScales::kGroupNibbles) {
        a *= static_cast<float>(scale & 0xf);
        b *= -static_cast<float>(scale >> 4);
      }
      const float product = a * static_cast<float>(code(tile, lane, c) - Format::kOffset);
      values[c] = Format::kHasMins ? product + b : product;
    }
  }

  static void pack_rows(const std::byte* source, int64_t source_stride, int64_t rows, int64_t cols,
                        int64_t begin, int64_t end, std::byte* packed) {
    const int64_t tiles = cols / Format::kColumns;
    for (int64_t row = begin; row < end; row += kAffineRows) {
      auto* tile =
          reinterpret_cast<uint8_t*>(packed) + row / kAffineRows * tiles * Format::kTileBytes;
      const auto lanes = static_cast<int>(std::min<int64_t>(kAffineRows, end - row));
      if (lanes < kAffineRows) std::fill_n(tile, tiles * Format::kTileBytes, uint8_t{0});
      for (int64_t i = 0; i < tiles; i += kBlocksAtOnce) {
        const int64_t count = std::min(kBlocksAtOnce, tiles - i);
        for (int lane = 0; lane < lanes; ++lane) {
          put_blocks(source + (row + lane) * source_stride + i * kBlockBytes, count, lane,
                     tile + i * Format::kTileBytes);
        }
      }
    }
    CHECK(end == rows || end % kAffineRows == 0);
  }

  static void decode_row(const std::byte* packed, int64_t row, int64_t cols, float* values) {
    const int64_t tiles = cols / Format::kColumns;
    const auto* unit =
        reinterpret_cast<const uint8_t*>(packed) + row / kAffineRows * tiles * Format::kTileBytes;
    for (int64_t i = 0; i < tiles; ++i) {
      get(unit + i * Format::kTileBytes, static_cast<int>(row % kAffineRows),
          values + i * Format::kColumns);
    }
  }

  static int64_t bytes(int64_t rows, int64_t cols) {
    return (rows + kAffineRows - 1) / kAffineRows * (cols / Format::kColumns) * Format::kTileBytes;
  }
};

struct FormatRow {
  DType format;
  int64_t (*bytes)(int64_t rows, int64_t cols);
  void (*pack)(const std::byte* source, int64_t source_stride, int64_t rows, int64_t cols,
               int64_t begin, int64_t end, std::byte* packed);
  void (*decode_row)(const std::byte* packed, int64_t row, int64_t cols, float* values);
};

template <class Format, class Block>
constexpr FormatRow format_row() {
  using P = Packer<Format, Block>;
  return {Format::kFormat, P::bytes, P::pack_rows, P::decode_row};
}

constexpr FormatRow kFormats[] = {
    format_row<AffineQ8_0, BlockQ8_0>(),       format_row<AffineQ4_0, BlockQ4_0>(),
    format_row<AffineQ4_1, BlockQ4_1>(),       format_row<AffineQ5_0, BlockQ5_0>(),
    format_row<AffineQ5_1, BlockQ5_1>(),       format_row<AffineQ2_K, BlockQ2_K>(),
    format_row<AffineQ3_K, BlockQ3_K>(),       format_row<AffineQ4_K, BlockQ4_K>(),
    format_row<AffineQ5_K, BlockQ5_K>(),       format_row<AffineQ6_K, BlockQ6_K>(),
    format_row<AffineI4_G32, BlockI4<32>>(),   format_row<AffineI4_G64, BlockI4<64>>(),
    format_row<AffineI4_G128, BlockI4<128>>(), format_row<AffineI8_G32, BlockI8<32>>(),
    format_row<AffineI8_G64, BlockI8<64>>(),   format_row<AffineI8_G128, BlockI8<128>>(),
};

const FormatRow& find(DType format) {
  const auto* row = std::find_if(std::begin(kFormats), std::end(kFormats),
                                 [&](const FormatRow& r) { return r.format == format; });
  CHECK(row != std::end(kFormats));
  return *row;
}

}  // namespace

int64_t affine_bytes(DType format, int64_t rows, int64_t cols) {
  return find(format).bytes(rows, cols);
}

void affine_pack(DType format, const std::byte* source, int64_t source_stride, int64_t rows,
                 int64_t cols, int64_t begin, int64_t end, std::byte* packed) {
  find(format).pack(source, source_stride, rows, cols, begin, end, packed);
}

void affine_decode_row(DType format, const std::byte* packed, int64_t row, int64_t cols,
                       float* values) {
  find(format).decode_row(packed, row, cols, values);
}

}  // namespace chitu::cpu
