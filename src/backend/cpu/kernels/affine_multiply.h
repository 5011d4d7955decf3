// The product of affine weights (affine_format.h) and 8-bit activations, written once over a type D
// of dot products (Dot of scalar/vec.h); included by one source file an instruction set.
//
// For the 32 columns of a block of activations, with x = d * q:
//   sum of (a (u - offset) + b) x  =  d * sum over groups of (a (sum of u q  -  offset * sum of q)
//   +  b * sum of q)
// The first sum is the integer dot product; the activations bring the sums of their codes along,
// negative, so that the offset costs nothing but the accumulator's initial value.
//
// Tokens go through a tile in panels (linear_kernel.h): one vector of codes meets D::kPanel tokens,
// whose words lie side by side, and all their sums stay in registers.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "backend/cpu/kernels/affine_format.h"
#include "backend/cpu/kernels/affine_tile.h"
#include "backend/cpu/kernels/linear_kernel.h"

namespace chitu::cpu {

// Writes a vector of rows of one token, those that exist, with the bias.
template <class D>
void store_rows(const LinearCall& call, int64_t token, int64_t row, typename D::F sums) {
  float out[D::kRows];
  D::store(out, sums);
  const int64_t count = std::min<int64_t>(D::kRows, call.rows - row);
  float* y = call.y + token * call.y_stride + row;
  for (int64_t i = 0; i < count; ++i)
    y[i] = out[i] + (call.bias != nullptr ? call.bias[row + i] : 0.0F);
}

// Brings weights into the second-level cache before they are needed, `step` bytes whenever asked.
// What lies behind the weights may be asked for: a prefetch does not fault.
class PrefetchAhead {
 public:
  PrefetchAhead(const uint8_t* from, int64_t step) : next_(from), step_(step) {}

  void prefetch() {
    for (int64_t at = 0; at < step_; at += 64) __builtin_prefetch(next_ + at, 0, 2);
    next_ += step_;
  }

  PrefetchAhead after(int64_t steps) const { return {next_ + steps * step_, step_}; }

 private:
  const uint8_t* next_;
  int64_t step_;
};

struct NoPrefetch {
  void prefetch() {}
  NoPrefetch after(int64_t) const { return {}; }
};

template <class D, class Format>
class AffineMultiply {
 public:
  static void run(const LinearCall& call, int64_t begin, int64_t end) {
    run_tokens(call, begin, end, 0);
  }

  // The tokens from first_token alone.
  static void run_tokens(const LinearCall& call, int64_t begin, int64_t end, int64_t first_token) {
    const int64_t tiles = call.cols / Format::kColumns;
    const int64_t panels = (call.tokens - first_token) / D::kPanel * (kAffineRows / D::kRows);
    const int64_t unit_bytes = tiles * Format::kTileBytes;
    for (int64_t row = begin; row < end; row += kAffineRows) {
      const auto* unit =
          reinterpret_cast<const uint8_t*>(call.weights) + row / kAffineRows * unit_bytes;
      const Rows rows = {.unit = unit, .first = row, .end = end};
      // The next unit, a share a panel. What is left of fewer tokens prefetches nothing.
      if (panels > 0 && call.tokens - first_token <= kFewTokens) {
        const int64_t step = (Format::kTileBytes + panels - 1) / panels;
        run_unit(call, rows, first_token, PrefetchAhead(unit + unit_bytes, step));
      } else {
        run_unit(call, rows, first_token, NoPrefetch());
      }
    }
  }

 private:
  using Tile = AffineTile<D, Format>;
  using Weights = typename Tile::Weights;
  using I = typename D::I;
  using F = typename D::F;

  // Whether the dot product itself takes the offset of 128 off.
  static constexpr bool kOffsetInDot = Tile::kBits == 8 && D::kSignedFullRange;
  static constexpr int kStepsAtOnce = std::min(Tile::kStepsPerGroup, D::kStepsAtOnce(Tile::kBits));
  static constexpr int kOffsetShift = std::countr_zero(static_cast<unsigned>(Format::kOffset));
  static_assert(Format::kOffset == 0 || Format::kOffset == 1 << kOffsetShift);
  static_assert(Tile::kStepsPerGroup % kStepsAtOnce == 0);

  // So few tokens that multiplying takes about as long as reading from memory does. The processor's
  // own prefetcher stops at every page, and is idle in all panels of a unit but the first.
  static constexpr int64_t kFewTokens = 32;

  struct Rows {
    const uint8_t* unit;  // of kAffineRows rows
    int64_t first;
    int64_t end;
  };

  template <class Ahead>
  static void run_unit(const LinearCall& call, const Rows& rows, int64_t first_token, Ahead ahead) {
    for (int lane = 0; lane < kAffineRows && rows.first + lane < rows.end; lane += D::kRows) {
      for (int64_t token = first_token; token < call.tokens;) {
        token += panel<D::kPanel>(call, rows.unit, rows.first, lane, token, ahead);
        ahead = ahead.after(call.cols / Format::kColumns);
      }
    }
  }

  // The panel that begins with `token`, which has kTokens tokens or fewer; returns how many.
  template <int kTokens, class Ahead>
  static int64_t panel(const LinearCall& call, const uint8_t* unit, int64_t row, int lane,
                       int64_t token, Ahead ahead) {
    if constexpr (kTokens > 1) {
      if (call.tokens - token < kTokens)
        return panel<kTokens / 2>(call, unit, row, lane, token, NoPrefetch());
    }
    some_tokens<kTokens>(call, unit, row, lane, token, ahead);
    return kTokens;
  }

  // A block of 32 columns of kTokens tokens.
  template <int kTokens>
  struct Block {
    const int8_t* q;
    const float* d;
    const int32_t* minus_sums;

    int32_t word(int step, int t) const {
      int32_t four;
      std::memcpy(&four, q + (step * kTokens + t) * 4, sizeof(four));
      return four;
    }
  };

  template <int kFirstStep, int kTokens, int... kSteps>
  static void add_products(const Weights& w, const Block<kTokens>& x, I (&dots)[kTokens],
                           std::integer_sequence<int, kSteps...>) {
    typename D::Products products[kTokens];
    for (int t = 0; t < kTokens; ++t) products[t] = D::begin(dots[t]);
    const auto step = [&]<int kStep>(std::integral_constant<int, kStep>) {
      const typename D::Codes u = Tile::template codes<kStep>(w.low, w.high);
      for (int t = 0; t < kTokens; ++t) {
        products[t] = D::template multiply_add<Tile::kBits>(products[t], u, x.word(kStep, t));
      }
    };
    (step(std::integral_constant<int, kFirstStep + kSteps>()), ...);
    for (int t = 0; t < kTokens; ++t) dots[t] = D::end(dots[t], products[t]);
  }

  // The integer dot products of group kGroup.
  template <int kGroup, int kTokens>
  static void dot_products(const Weights& w, const Block<kTokens>& x, I (&dots)[kTokens]) {
    for (int t = 0; t < kTokens; ++t) {
      if constexpr (kOffsetInDot || Format::kOffset == 0) {
        dots[t] = D::set1_i(0);
      } else {
        dots[t] = D::template shift_left<kOffsetShift>(
            D::set1_i(x.minus_sums[Tile::sum_at(kGroup) * kTokens + t]));
      }
    }
    constexpr auto kSteps = std::make_integer_sequence<int, kStepsAtOnce>();
    const auto chunks = [&]<int... kChunks>(std::integer_sequence<int, kChunks...>) {
      (add_products<kGroup * Tile::kStepsPerGroup + kChunks * kStepsAtOnce>(w, x, dots, kSteps),
       ...);
    };
    chunks(std::make_integer_sequence<int, Tile::kStepsPerGroup / kStepsAtOnce>());
  }

  template <int kGroup, int kTokens>
  static void group(const Weights& w, const Block<kTokens>& x, F (&values)[kTokens]) {
    I dots[kTokens];
    dot_products<kGroup>(w, x, dots);
    Tile::template scale<kGroup>(w, x.minus_sums, kTokens, dots, values);
  }

  template <int kTokens, class Ahead>
  static void some_tokens(const LinearCall& call, const uint8_t* tile, int64_t row, int lane,
                          int64_t token, Ahead ahead) {
    const QuantizedRow& panel = call.quantized;
    Block<kTokens> x = {panel.q + token * call.cols, panel.d + token * (call.cols / 32),
                        panel.minus_sums + token * (call.cols / 32 * 3)};
    F sums[kTokens];
    for (int t = 0; t < kTokens; ++t) sums[t] = D::set1(0.0F);
    for (const uint8_t* end = tile + call.cols / Format::kColumns * Format::kTileBytes; tile < end;
         tile += Format::kTileBytes) {
      ahead.prefetch();
      Weights w = Tile::first_part(tile, lane);
      for (int part = 0; part < Format::kParts; ++part) {
        F values[kTokens];
        group<0>(w, x, values);
        if constexpr (Tile::kGroupsPer32 == 2) group<1>(w, x, values);
        for (int t = 0; t < kTokens; ++t) sums[t] = D::fma(values[t], D::set1(x.d[t]), sums[t]);
        w.next_part();
        x = {x.q + 32 * kTokens, x.d + kTokens, x.minus_sums + 3 * kTokens};
      }
    }
    for (int t = 0; t < kTokens; ++t) store_rows<D>(call, token + t, row + lane, sums[t]);
  }
};

template <class D, Isa kIsa, class Format>
constexpr LinearKernel affine_kernel() {
  return {.format = Format::kFormat,
          .isa = kIsa,
          .arithmetic = Arithmetic::kFast,
          .layout = LayoutKind::kAffine16,
          .input = LinearInput::kQuantized,
          .panel = D::kPanel,
          .scratch_rows = 0,
          .multiply = AffineMultiply<D, Format>::run};
}

template <class D, Isa kIsa>
inline constexpr LinearKernel kAffineKernels[] = {
    affine_kernel<D, kIsa, AffineQ8_0>(),    affine_kernel<D, kIsa, AffineQ4_0>(),
    affine_kernel<D, kIsa, AffineQ4_1>(),    affine_kernel<D, kIsa, AffineQ5_0>(),
    affine_kernel<D, kIsa, AffineQ5_1>(),    affine_kernel<D, kIsa, AffineQ2_K>(),
    affine_kernel<D, kIsa, AffineQ3_K>(),    affine_kernel<D, kIsa, AffineQ4_K>(),
    affine_kernel<D, kIsa, AffineQ5_K>(),    affine_kernel<D, kIsa, AffineQ6_K>(),
    affine_kernel<D, kIsa, AffineI4_G32>(),  affine_kernel<D, kIsa, AffineI4_G64>(),
    affine_kernel<D, kIsa, AffineI4_G128>(), affine_kernel<D, kIsa, AffineI8_G32>(),
    affine_kernel<D, kIsa, AffineI8_G64>(),  affine_kernel<D, kIsa, AffineI8_G128>(),
};

}  // namespace chitu::cpu
