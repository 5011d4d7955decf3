// BF16 weights, and F16 weights rounded to BF16, by activations rounded to BF16 on the matrix unit:
// 16 tokens by 16 rows by 32 columns an instruction. It treats subnormal numbers as zeros and adds
// products in float, those of 32 columns before it adds them to a sum.
//
// 16 items of the interleaved layout are a right operand as they lie, 16 padded rows of activations
// a left one. A block is two tiles of tokens by two units, so that every operand that is loaded
// serves twice. One token takes the same way, so that its results do not depend on its neighbours.
#include <immintrin.h>

#include <algorithm>

#include "backend/cpu/kernels/amx/tile_config.h"
#include "backend/cpu/kernels/avx512/bf16_pairs.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {
namespace {

constexpr int kTileColumns = 32;
constexpr int kTileValues = kInterleavedRows * kTileColumns;
static_assert(avx512::kPairs.column_padding == kTileColumns && kInputPadding == kTileColumns);

// Tiles 0 to 3 hold the sums of two tiles of tokens by two units, 4 and 5 activations, 6 and 7
// weights.
template <bool kTwoTiles, bool kTwoUnits>
void multiply_block(const uint16_t* w, int64_t unit_values, const uint16_t* x0, const uint16_t* x1,
                    int64_t x_stride_bytes) {
  _tile_zero(0);
  if constexpr (kTwoUnits) _tile_zero(1);
  if constexpr (kTwoTiles) _tile_zero(2);
  if constexpr (kTwoTiles && kTwoUnits) _tile_zero(3);
  for (const uint16_t* end = w + unit_values; w < end; w += kTileValues) {
    _tile_loadd(4, x0, x_stride_bytes);
    _tile_loadd(6, w, amx::kRowBytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kTwoUnits) {
      _tile_loadd(7, w + unit_values, amx::kRowBytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kTwoTiles) {
      _tile_loadd(5, x1, x_stride_bytes);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kTwoUnits) _tile_dpbf16ps(3, 5, 7);
    }
    x0 += kTileColumns;
    x1 += kTileColumns;
  }
}

class Multiplier {
 public:
  explicit Multiplier(const LinearCall& call)
      : call_(call),
        tile_tokens_(std::min<int64_t>(call.tokens, amx::kRows)),
        config_({.rows = static_cast<int>(tile_tokens_), .row_bytes = amx::kRowBytes},
                {.rows = static_cast<int>(tile_tokens_), .row_bytes = amx::kRowBytes},
                {.rows = amx::kRows, .row_bytes = amx::kRowBytes}) {}

  void run(int64_t begin, int64_t end) const {
    const int64_t stop = (end + kInterleavedRows - 1) / kInterleavedRows;
    int64_t unit = begin / kInterleavedRows;
    for (; unit + 2 <= stop; unit += 2) all_tokens<true>(unit);
    if (unit < stop) all_tokens<false>(unit);
  }

 private:
  template <bool kTwoUnits>
  void all_tokens(int64_t unit) const {
    int64_t token = 0;
    for (; token + tile_tokens_ < call_.tokens; token += 2 * tile_tokens_)
      block<true, kTwoUnits>(unit, token);
    if (token < call_.tokens) block<false, kTwoUnits>(unit, token);
  }

  // The tiles have one size: the last ends with the last token and may repeat some of the one
  // before.
  int64_t tile_start(int64_t token) const { return std::min(token, call_.tokens - tile_tokens_); }

  template <bool kTwoTiles, bool kTwoUnits>
  void block(int64_t unit, int64_t token) const {
    const int64_t unit_values =
        avx512::kPairs.unit_bytes(call_.cols) / static_cast<int64_t>(sizeof(uint16_t));
    const int64_t first = tile_start(token);
    const int64_t second = kTwoTiles ? tile_start(token + tile_tokens_) : first;
    multiply_block<kTwoTiles, kTwoUnits>(
        reinterpret_cast<const uint16_t*>(call_.weights) + unit * unit_values, unit_values,
        call_.bf16.row(first), call_.bf16.row(second),
        call_.bf16.stride * static_cast<int64_t>(sizeof(uint16_t)));
    const int64_t row = unit * kInterleavedRows;
    store<0>(row, first);
    if constexpr (kTwoUnits) store<1>(row + kInterleavedRows, first);
    if constexpr (kTwoTiles) store<2>(row, second);
    if constexpr (kTwoTiles && kTwoUnits) store<3>(row + kInterleavedRows, second);
  }

  template <int kTile>
  void store(int64_t row, int64_t token) const {
    alignas(64) float sums[amx::kRows][kInterleavedRows];
    // The intrinsics take literals only.
    if constexpr (kTile == 0) _tile_stored(0, sums, amx::kRowBytes);
    if constexpr (kTile == 1) _tile_stored(1, sums, amx::kRowBytes);
    if constexpr (kTile == 2) _tile_stored(2, sums, amx::kRowBytes);
    if constexpr (kTile == 3) _tile_stored(3, sums, amx::kRowBytes);
    const int64_t rows = std::min<int64_t>(kInterleavedRows, call_.rows - row);
    const auto mask = static_cast<__mmask16>((1U << rows) - 1);
    const __m512 bias =
        call_.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, call_.bias + row);
    for (int64_t t = 0; t < tile_tokens_; ++t) {
      _mm512_mask_storeu_ps(call_.y + (token + t) * call_.y_stride + row, mask,
                            _mm512_add_ps(_mm512_load_ps(sums[t]), bias));
    }
  }

  const LinearCall& call_;
  int64_t tile_tokens_;
  amx::LoadedConfig config_;
};

void multiply(const LinearCall& call, int64_t begin, int64_t end) {
  Multiplier(call).run(begin, end);
}

void multiply_f16(const LinearCall& call, int64_t begin, int64_t end) {
  avx512::multiply_rounded(call, begin, end, multiply);
}

constexpr LinearKernel kKernels[] = {
    avx512::pairs_kernel(DType::kBF16, Isa::kAmx, multiply),
    avx512::pairs_kernel(DType::kF16, Isa::kAmx, multiply_f16),
};

}  // namespace

std::span<const LinearKernel> float_kernels_amx() { return kKernels; }

}  // namespace chitu::cpu
