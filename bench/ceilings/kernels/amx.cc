#include <immintrin.h>

#include <cstring>

#include "kernels/kernels.h"

namespace chitu::ceilings {
namespace {

constexpr int kRows = 16;
constexpr int kRowBytes = 64;

// LDTILECFG's operand, Intel's Software Developer's Manual, volume 1, chapter 18.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Tiles 0 to 3 are the sums, 4 and 5 the left operands, 6 and 7 the right ones, as in a block of
// two by two; every operand byte is 0x3c: 60, or about 0.01 in BF16.
void set_up_tiles() {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    config.row_bytes[i] = kRowBytes;
    config.rows[i] = kRows;
  }
  alignas(64) uint8_t operand[kRows * kRowBytes];
  std::memset(operand, 0x3c, sizeof(operand));
  // GCC 12's intrinsics do not declare all the memory that they read.
  asm volatile("" : : "r"(&config), "r"(operand) : "memory");
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, operand, kRowBytes);
  _tile_loadd(5, operand, kRowBytes);
  _tile_loadd(6, operand, kRowBytes);
  _tile_loadd(7, operand, kRowBytes);
}

}  // namespace

void burn_bf16_amx(int64_t rounds) {
  set_up_tiles();
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

void burn_int8_amx(int64_t rounds) {
  set_up_tiles();
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
}

}  // namespace chitu::ceilings
