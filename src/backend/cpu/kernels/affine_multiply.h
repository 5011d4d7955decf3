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
#include "backend/cpu/kernels/linear_kernel.h"

namespace chitu::cpu {

template <class D, class Format>
class AffineMultiply {
 public:
  static void run(const LinearCall& call, int64_t begin, int64_t end) {
    const int64_t unit_bytes = call.cols / Format::kColumns * Format::kTileBytes;
    for (int64_t row = begin; row < end; row += kAffineRows) {
      const auto* unit =
          reinterpret_cast<const uint8_t*>(call.weights) + row / kAffineRows * unit_bytes;
      for (int lane = 0; lane < kAffineRows && row + lane < end; lane += D::kRows) {
        for (int64_t token = 0; token < call.tokens;) {
          token += panel<D::kPanel>(call, unit, row, lane, token);
        }
      }
    }
  }

 private:
  using Codes = typename D::Codes;
  using I = typename D::I;
  using F = typename D::F;

  static constexpr int kBits = Format::kLowBits + Format::kHighBits;
  // Whether the dot product itself takes the offset of 128 off.
  static constexpr bool kOffsetInDot = kBits == 8 && D::kSignedFullRange;
  static constexpr int kGroupsPer32 = 32 / Format::kGroup;
  static constexpr int kStepsPerGroup = Format::kGroup / 4;
  static constexpr int kStepsAtOnce = std::min(kStepsPerGroup, D::kStepsAtOnce(kBits));
  static constexpr int kOffsetShift = std::countr_zero(static_cast<unsigned>(Format::kOffset));
  static_assert(Format::kOffset == 0 || Format::kOffset == 1 << kOffsetShift);
  static_assert(kStepsPerGroup % kStepsAtOnce == 0);

  // The panel that begins with `token`, which has kTokens tokens or fewer; returns how many.
  template <int kTokens>
  static int64_t panel(const LinearCall& call, const uint8_t* unit, int64_t row, int lane,
                       int64_t token) {
    if constexpr (kTokens > 1) {
      if (call.tokens - token < kTokens) return panel<kTokens / 2>(call, unit, row, lane, token);
    }
    some_tokens<kTokens>(call, unit, row, lane, token);
    return kTokens;
  }

  // The codes of step kStep of 32 columns.
  template <int kStep>
  static Codes codes(const uint8_t* low, const uint8_t* high) {
    constexpr int kSteps = 8 / Format::kLowBits;
    Codes c = D::load(low + kStep / kSteps * 64);
    if constexpr (Format::kLowBits < 8) {
      c = D::template bits<kStep % kSteps * Format::kLowBits, (1 << Format::kLowBits) - 1>(c);
    }
    if constexpr (Format::kHighBits > 0) {
      constexpr int kHighSteps = 8 / Format::kHighBits;
      const Codes h =
          D::template bits<kStep % kHighSteps * Format::kHighBits, (1 << Format::kHighBits) - 1>(
              D::load(high + kStep / kHighSteps * 64));
      c = D::template merge<Format::kLowBits>(c, h);
    }
    return c;
  }

  // Of a tile and its part of 32 columns, beginning with a vector's first row.
  struct Weights {
    const uint8_t* low;
    const uint8_t* high;
    const uint8_t* scales;  // of the part's first group
    const uint8_t* mins;
    F d;
    F minus_m;  // of kHasMins: minus what a sum of codes is to be multiplied with
  };

  template <int kGroup>
  static F group_scale(const Weights& w) {
    const uint8_t* scales = w.scales + kGroup * kAffineRows;
    if constexpr (Format::kScales == AffineScales::kGroup) {
      return D::mul(w.d, D::from_i8(reinterpret_cast<const int8_t*>(scales)));
    } else if constexpr (Format::kScales == AffineScales::kGroupMin) {
      return D::mul(w.d, D::from_u8(scales));
    } else if constexpr (Format::kScales == AffineScales::kGroupNibbles) {
      return D::mul(w.d, D::template from_nibbles<0>(scales));
    } else {
      return w.d;
    }
  }

  // REQUIRES: kHasMins.
  template <int kGroup>
  static F minus_group_min(const Weights& w) {
    if constexpr (Format::kScales == AffineScales::kGroupMin) {
      return D::mul(w.minus_m, D::from_u8(w.mins + kGroup * kAffineRows));
    } else if constexpr (Format::kScales == AffineScales::kGroupNibbles) {
      return D::mul(w.minus_m, D::template from_nibbles<4>(w.scales + kGroup * kAffineRows));
    } else {
      return w.minus_m;
    }
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
    int32_t minus_sum(int group, int t) const {
      return minus_sums[(Format::kGroup == 32 ? 2 : group) * kTokens + t];
    }
  };

  template <int kFirstStep, int kTokens, int... kSteps>
  static void add_products(const Weights& w, const Block<kTokens>& x, I (&dots)[kTokens],
                           std::integer_sequence<int, kSteps...>) {
    typename D::Products products[kTokens];
    for (int t = 0; t < kTokens; ++t) products[t] = D::begin(dots[t]);
    const auto step = [&]<int kStep>(std::integral_constant<int, kStep>) {
      const Codes u = codes<kStep>(w.low, w.high);
      for (int t = 0; t < kTokens; ++t) {
        products[t] = D::template multiply_add<kBits>(products[t], u, x.word(kStep, t));
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
        dots[t] = D::template shift_left<kOffsetShift>(D::set1_i(x.minus_sum(kGroup, t)));
      }
    }
    constexpr auto kSteps = std::make_integer_sequence<int, kStepsAtOnce>();
    const auto chunks = [&]<int... kChunks>(std::integer_sequence<int, kChunks...>) {
      (add_products<kGroup * kStepsPerGroup + kChunks * kStepsAtOnce>(w, x, dots, kSteps), ...);
    };
    chunks(std::make_integer_sequence<int, kStepsPerGroup / kStepsAtOnce>());
  }

  // values = a * (the dot product) + b * (the sum of codes), of group kGroup; `values` of the
  // group before are added.
  template <int kGroup, int kTokens>
  static void group(const Weights& w, const Block<kTokens>& x, F (&values)[kTokens]) {
    I dots[kTokens];
    dot_products<kGroup>(w, x, dots);
    const F a = group_scale<kGroup>(w);
    if constexpr (Format::kHasMins) {
      const F minus_b = minus_group_min<kGroup>(w);
      for (int t = 0; t < kTokens; ++t) {
        const F minus_sum = D::to_float(D::set1_i(x.minus_sum(kGroup, t)));
        values[t] =
            kGroup == 0 ? D::mul(minus_b, minus_sum) : D::fma(minus_b, minus_sum, values[t]);
      }
    }
    for (int t = 0; t < kTokens; ++t) {
      const F dot = D::to_float(dots[t]);
      values[t] = kGroup == 0 && !Format::kHasMins ? D::mul(dot, a) : D::fma(dot, a, values[t]);
    }
  }

  template <int kTokens>
  static void some_tokens(const LinearCall& call, const uint8_t* tile, int64_t row, int lane,
                          int64_t token) {
    const QuantizedRow& panel = call.quantized;
    Block<kTokens> x = {panel.q + token * call.cols, panel.d + token * (call.cols / 32),
                        panel.minus_sums + token * (call.cols / 32 * 3)};
    F sums[kTokens];
    for (int t = 0; t < kTokens; ++t) sums[t] = D::set1(0.0F);
    for (const uint8_t* end = tile + call.cols / Format::kColumns * Format::kTileBytes; tile < end;
         tile += Format::kTileBytes) {
      Weights w = {.low = tile + lane * 4,
                   .high = tile + Format::kHighAt + lane * 4,
                   .scales = tile + Format::kScalesAt + lane,
                   .mins = tile + Format::kMinsAt + lane,
                   .d = D::from_f16(tile + Format::kDAt + lane * 2),
                   .minus_m = D::set1(0.0F)};
      if constexpr (Format::kHasMins) {
        w.minus_m = D::from_f16(tile + Format::kMAt + lane * 2);
        if constexpr (!Format::kHasGroupScales) w.minus_m = D::mul(w.minus_m, D::set1(-1.0F));
      }
      for (int part = 0; part < Format::kColumns / 32; ++part) {
        F values[kTokens];
        group<0>(w, x, values);
        if constexpr (kGroupsPer32 == 2) group<1>(w, x, values);
        for (int t = 0; t < kTokens; ++t) sums[t] = D::fma(values[t], D::set1(x.d[t]), sums[t]);
        w.low += Format::kLowBytes;
        w.high += Format::kHighBytes;
        w.scales += kGroupsPer32 * kAffineRows;
        w.mins += kGroupsPer32 * kAffineRows;
        x = {x.q + 32 * kTokens, x.d + kTokens, x.minus_sums + 3 * kTokens};
      }
    }
    row += lane;
    const int64_t count = std::min<int64_t>(D::kRows, call.rows - row);
    for (int t = 0; t < kTokens; ++t) {
      float out[D::kRows];
      D::store(out, sums[t]);
      float* y = call.y + (token + t) * call.y_stride + row;
      for (int64_t i = 0; i < count; ++i)
        y[i] = out[i] + (call.bias != nullptr ? call.bias[row + i] : 0.0F);
    }
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
    affine_kernel<D, kIsa, AffineQ8_0>(), affine_kernel<D, kIsa, AffineQ4_0>(),
    affine_kernel<D, kIsa, AffineQ4_1>(), affine_kernel<D, kIsa, AffineQ5_0>(),
    affine_kernel<D, kIsa, AffineQ5_1>(), affine_kernel<D, kIsa, AffineQ2_K>(),
    affine_kernel<D, kIsa, AffineQ3_K>(), affine_kernel<D, kIsa, AffineQ4_K>(),
    affine_kernel<D, kIsa, AffineQ5_K>(), affine_kernel<D, kIsa, AffineQ6_K>(),
};

}  // namespace chitu::cpu
