// Affine weights by 8-bit activations on the matrix unit: 16 tokens by 16 rows by a group of
// columns an instruction, its sums then scaled as everywhere (affine_tile.h), so that a token's
// results are those of the dot products of AVX-512, which take what is left of fewer than 16
// tokens.
//
// The steps of a group, 16 rows by 4 columns each, are the rows of a right operand as they lie,
// once unpacked to bytes; of a panel of 16 tokens a block of 32 columns is a left operand.
#include <immintrin.h>

#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/amx/tile_config.h"
#include "backend/cpu/kernels/avx512/vnni.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {
namespace {

constexpr int kTokens = kBlockPanel;
constexpr int kBlockBytes = 32 * kTokens;  // of activations, and of unpacked codes of 16 rows
static_assert(kTokens == amx::kRows && kAffineRows == amx::kRows);

template <class Format>
class AmxMultiply {
 public:
  static void run(const LinearCall& call, int64_t begin, int64_t end) {
    const int64_t whole_panels = call.tokens / kTokens * kTokens;
    if (whole_panels > 0) {
      const amx::LoadedConfig config({.rows = kTokens, .row_bytes = amx::kRowBytes},
                                     {.rows = kTokens, .row_bytes = Format::kGroup},
                                     {.rows = Format::kGroup / 4, .row_bytes = amx::kRowBytes});
      for (int64_t row = begin; row < end; row += kAffineRows) {
        AmxMultiply tile(call, row);
        for (int64_t token = 0; token < whole_panels; token += kTokens) tile.panel(token);
      }
    }
    AffineMultiply<avx512::VnniDot, Format>::run_tokens(call, begin, end, whole_panels);
  }

 private:
  using D = avx512::VnniDot;
  using Tile = AffineTile<D, Format>;

  AmxMultiply(const LinearCall& call, int64_t row)
      : call_(call),
        row_(row),
        tiles_(reinterpret_cast<const uint8_t*>(call.weights) +
               row / kAffineRows * num_tiles() * Format::kTileBytes),
        codes_(reinterpret_cast<int8_t*>(call.scratch)) {
    int8_t* to = codes_;
    for (int64_t i = 0; i < num_tiles(); ++i) {
      typename Tile::Weights w = Tile::first_part(tiles_ + i * Format::kTileBytes, 0);
      for (int part = 0; part < Format::kParts; ++part) {
        unpack(w, to, std::make_integer_sequence<int, 8>());
        w.next_part();
        to += kBlockBytes;
      }
    }
    // The intrinsics do not tell the compiler that tiles are loaded from memory.
    asm volatile("" ::: "memory");
  }

  int64_t num_tiles() const { return call_.cols / Format::kColumns; }

  template <int... kSteps>
  static void unpack(const typename Tile::Weights& w, int8_t* to,
                     std::integer_sequence<int, kSteps...>) {
    const __m512i offset = _mm512_set1_epi8(static_cast<char>(Format::kOffset));
    (_mm512_storeu_si512(to + kSteps * 64,
                         _mm512_sub_epi8(Tile::template codes<kSteps>(w.low, w.high), offset)),
     ...);
  }

  using Dots = int32_t[Tile::kGroupsPer32][kTokens][kAffineRows];

  // The integer dot products of block `block`. Neighbours use different tiles, so that one's need
  // not wait for the other's.
  void multiply(const int8_t* q, int64_t block, Dots& dots) const {
    const int8_t* codes = codes_ + block * kBlockBytes;
    q += block * kBlockBytes;
    for (int g = 0; g < Tile::kGroupsPer32; ++g) {
      const int8_t* left = q + g * Format::kGroup;
      const int8_t* right = codes + g * Format::kGroup * kAffineRows;
      if ((block + g) % 2 == 0) {
        _tile_zero(0);
        _tile_loadd(4, left, 32);
        _tile_loadd(6, right, 64);
        _tile_dpbssd(0, 4, 6);
        _tile_stored(0, dots[g], 64);
      } else {
        _tile_zero(1);
        _tile_loadd(5, left, 32);
        _tile_loadd(7, right, 64);
        _tile_dpbssd(1, 5, 7);
        _tile_stored(1, dots[g], 64);
      }
    }
  }

  // sums += the scaled dot products of kCount tokens of a block, from `first`.
  template <int kCount>
  static void add(const typename Tile::Weights& w, const Dots& dots, const float* d,
                  const int32_t* minus_sums, int first, __m512* sums) {
    __m512 values[kCount];
    __m512i products[kCount];
    const auto load = [&](int g) {
      for (int t = 0; t < kCount; ++t) products[t] = _mm512_load_si512(dots[g][first + t]);
    };
    load(0);
    Tile::template scale<0>(w, minus_sums + first, kTokens, products, values);
    if constexpr (Tile::kGroupsPer32 == 2) {
      load(1);
      Tile::template scale<1>(w, minus_sums + first, kTokens, products, values);
    }
    for (int t = 0; t < kCount; ++t)
      sums[first + t] = D::fma(values[t], D::set1(d[first + t]), sums[first + t]);
  }

  void panel(int64_t token) const {
    const int8_t* q = call_.quantized.q + token * call_.cols;
    const float* d = call_.quantized.d + token * (call_.cols / 32);
    const int32_t* minus_sums = call_.quantized.minus_sums + token * (call_.cols / 32 * 3);
    const int64_t blocks = call_.cols / 32;
    alignas(64) Dots dots[2];
    __m512 sums[kTokens];
    for (__m512& sum : sums) sum = _mm512_setzero_ps();
    multiply(q, 0, dots[0]);
    typename Tile::Weights w = Tile::first_part(tiles_, 0);
    for (int64_t block = 0; block < blocks; ++block) {
      if (block + 1 < blocks) multiply(q, block + 1, dots[(block + 1) % 2]);
      add<8>(w, dots[block % 2], d + block * kTokens, minus_sums + block * 3 * kTokens, 0, sums);
      add<8>(w, dots[block % 2], d + block * kTokens, minus_sums + block * 3 * kTokens, 8, sums);
      if ((block + 1) % Format::kParts != 0) {
        w.next_part();
      } else if (block + 1 < blocks) {
        w = Tile::first_part(tiles_ + (block + 1) / Format::kParts * Format::kTileBytes, 0);
      }
    }
    for (int t = 0; t < kTokens; ++t) store_rows<D>(call_, token + t, row_, sums[t]);
  }

  const LinearCall& call_;
  int64_t row_;
  const uint8_t* tiles_;
  int8_t* codes_;  // [cols / 4][16 rows][4], less the offset
};

template <class Format>
constexpr LinearKernel amx_kernel() {
  LinearKernel kernel = affine_kernel<avx512::VnniDot, Isa::kAmx, Format>();
  kernel.panel = kBlockPanel;
  kernel.scratch_rows = kAffineRows / static_cast<int>(sizeof(float));
  kernel.multiply = AmxMultiply<Format>::run;
  return kernel;
}

constexpr LinearKernel kKernels[] = {
    amx_kernel<AffineQ8_0>(),    amx_kernel<AffineQ4_0>(),   amx_kernel<AffineQ4_1>(),
    amx_kernel<AffineQ5_0>(),    amx_kernel<AffineQ5_1>(),   amx_kernel<AffineQ2_K>(),
    amx_kernel<AffineQ3_K>(),    amx_kernel<AffineQ4_K>(),   amx_kernel<AffineQ5_K>(),
    amx_kernel<AffineQ6_K>(),    amx_kernel<AffineI4_G32>(), amx_kernel<AffineI4_G64>(),
    amx_kernel<AffineI4_G128>(), amx_kernel<AffineI8_G32>(), amx_kernel<AffineI8_G64>(),
    amx_kernel<AffineI8_G128>(),
};

}  // namespace

std::span<const LinearKernel> affine_kernels_amx() { return kKernels; }

}  // namespace chitu::cpu
