// The shape of AMX's tiles, for as long as a kernel uses them.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace chitu::cpu::amx {

inline constexpr int kRows = 16;      // of a tile, at most
inline constexpr int kRowBytes = 64;  // at most

// LDTILECFG's operand: Intel's Software Developer's Manual, volume 1, chapter 18.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Eight tiles: 0 to 5, sums and left operands, of left_rows rows; 6 and 7, right operands, full.
constexpr TileConfig tile_config(int left_rows) {
  TileConfig config;
  for (int tile = 0; tile < 8; ++tile) {
    config.row_bytes[tile] = kRowBytes;
    config.rows[tile] = static_cast<uint8_t>(tile < 6 ? left_rows : kRows);
  }
  return config;
}

// Constants, because GCC 12's _tile_loadconfig() tells the compiler of the operand's first 8 bytes
// only, and it would leave out what a function writes to the others.
inline constexpr auto kTileConfigs = [] {
  std::array<TileConfig, kRows> configs{};
  for (int rows = 1; rows <= kRows; ++rows)
    configs[static_cast<std::size_t>(rows - 1)] = tile_config(rows);
  return configs;
}();

// The tiles of this thread hold nothing before and nothing after, and cost nothing to save then.
class LoadedConfig {
 public:
  explicit LoadedConfig(int left_rows) {
    _tile_loadconfig(&kTileConfigs[static_cast<std::size_t>(left_rows - 1)]);
  }
  ~LoadedConfig() { _tile_release(); }
  LoadedConfig(const LoadedConfig&) = delete;
  LoadedConfig& operator=(const LoadedConfig&) = delete;
};

}  // namespace chitu::cpu::amx
