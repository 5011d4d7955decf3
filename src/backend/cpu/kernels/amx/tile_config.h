// The shape of AMX's tiles, for as long as a kernel uses them.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace chitu::cpu::amx {

inline constexpr int kRows = 16;      // of a tile, at most
inline constexpr int kRowBytes = 64;  // at most

struct TileShape {
  int rows;
  int row_bytes;
};

// Eight tiles: 0 to 3 sums, 4 and 5 left operands, 6 and 7 right operands. The tiles of this thread
// hold nothing before and nothing after, and cost nothing to switch then.
class LoadedConfig {
 public:
  LoadedConfig(TileShape sums, TileShape left, TileShape right) {
    // LDTILECFG's operand: Intel's Software Developer's Manual, volume 1, chapter 18.
    struct alignas(64) {
      uint8_t palette = 1;
      uint8_t start_row = 0;
      uint8_t reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int tile = 0; tile < 8; ++tile) {
      const TileShape& shape = tile < 4 ? sums : tile < 6 ? left : right;
      config.row_bytes[tile] = static_cast<uint16_t>(shape.row_bytes);
      config.rows[tile] = static_cast<uint8_t>(shape.rows);
    }
    // GCC 12's intrinsic declares 8 of the 64 bytes that it reads: the others must not be left out.
    asm volatile("" : : "r"(&config) : "memory");
    _tile_loadconfig(&config);
  }
  ~LoadedConfig() { _tile_release(); }
  LoadedConfig(const LoadedConfig&) = delete;
  LoadedConfig& operator=(const LoadedConfig&) = delete;
};

}  // namespace chitu::cpu::amx
