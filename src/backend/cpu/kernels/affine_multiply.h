// The product of affine weights (affine_format.h) and 8-bit activations, written once over a type D
// of 16-lane dot products (Dot of scalar/vec.h); included by one source file an instruction set.
//
// For a group of columns, with x = d * q:
//   sum of (a (u - offset) + b) x  =  d (a (sum of u q  -  offset * sum of q)  +  b * sum of q)
// The first sum is the integer dot product; the activations bring the sum of their codes along, so
// that the offset costs nothing but the accumulator's initial value.
#pragma once

#include <algorithm>
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
      int64_t token = 0;
      for (; token + D::kTokens <= call.tokens; token += D::kTokens) {
        some_tokens<D::kTokens>(call, unit, row, token);
      }
      for (; token < call.tokens; ++token) some_tokens<1>(call, unit, row, token);
    }
  }

 private:
  using Codes = typename D::Codes;
  using I = typename D::I;
  using F = typename D::F;

  static constexpr bool kFullRange = Format::kLowBits == 8;
  // Whether the dot product itself takes the offset of 128 off.
  static constexpr bool kOffsetInDot = kFullRange && D::kSignedFullRange;
  static constexpr int kGroupsPer32 = 32 / Format::kGroup;
  static constexpr int kStepsPerGroup = Format::kGroup / 4;

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

  static F group_scale(const uint8_t* tile, F d, int group) {
    const uint8_t* scales = tile + Format::kScalesAt + group * kAffineRows;
    if constexpr (Format::kScales == AffineScales::kGroup) {
      return D::mul(d, D::from_i8(reinterpret_cast<const int8_t*>(scales)));
    } else if constexpr (Format::kScales == AffineScales::kGroupMin) {
      return D::mul(d, D::from_u8(scales));
    } else if constexpr (Format::kScales == AffineScales::kGroupNibbles) {
      return D::mul(d, D::template from_nibbles<0>(scales));
    } else {
      return d;
    }
  }

  // REQUIRES: kHasMins. `m` is minus the block's m where the formula has a minus.
  static F group_min(const uint8_t* tile, F m, int group) {
    if constexpr (Format::kScales == AffineScales::kGroupMin) {
      return D::mul(m, D::from_u8(tile + Format::kMinsAt + group * kAffineRows));
    } else if constexpr (Format::kScales == AffineScales::kGroupNibbles) {
      return D::mul(m, D::template from_nibbles<4>(tile + Format::kScalesAt + group * kAffineRows));
    } else {
      return m;
    }
  }

  // One token's codes, scales and sums.
  struct Input {
    const int8_t* q;
    const float* d;
    const int32_t* sums;

    int32_t four(int64_t column) const {
      int32_t word;
      std::memcpy(&word, q + column, sizeof(word));
      return word;
    }
    int32_t sum(int64_t column) const {  // of the group that starts there
      const int32_t* s = sums + column / 16;
      return Format::kGroup == 16 ? s[0] : s[0] + s[1];
    }
  };

  template <int kGroup, int kTokens, int... kSteps>
  static void add_group(const uint8_t* low, const uint8_t* high, const Input (&x)[kTokens],
                        int64_t column, I (&dots)[kTokens], std::integer_sequence<int, kSteps...>) {
    const auto step = [&]<int kStep>(std::integral_constant<int, kStep>) {
      const Codes u = codes<kStep>(low, high);
      for (int t = 0; t < kTokens; ++t) {
        const int32_t four = x[t].four(column + kStep * 4);
        dots[t] = kFullRange ? D::dot_full_range(dots[t], u, four) : D::dot(dots[t], u, four);
      }
    };
    (step(std::integral_constant<int, kGroup * kStepsPerGroup + kSteps>()), ...);
  }

  // Adds group kGroup of the 32 columns at `column`, which are the 32-column part `part` of `tile`.
  template <int kGroup, int kTokens>
  static void group(const uint8_t* tile, int part, F d, F m, const Input (&x)[kTokens],
                    int64_t column, F (&sums)[kTokens]) {
    const int64_t first = column + kGroup * Format::kGroup;
    I dots[kTokens];
    for (int t = 0; t < kTokens; ++t) {
      dots[t] =
          D::set1_i(kOffsetInDot || Format::kOffset == 0 ? 0 : -Format::kOffset * x[t].sum(first));
    }
    add_group<kGroup>(tile + part * Format::kLowBytes,
                      tile + Format::kHighAt + part * Format::kHighBytes, x, column, dots,
                      std::make_integer_sequence<int, kStepsPerGroup>());
    const int index = part * kGroupsPer32 + kGroup;
    const F a = group_scale(tile, d, index);
    for (int t = 0; t < kTokens; ++t) {
      sums[t] = D::fma(D::to_float(dots[t]), D::mul(a, D::set1(x[t].d[column / 32])), sums[t]);
    }
    if constexpr (Format::kHasMins) {
      const F b = group_min(tile, m, index);
      for (int t = 0; t < kTokens; ++t) {
        const float total = x[t].d[column / 32] * static_cast<float>(x[t].sum(first));
        sums[t] = D::fma(b, D::set1(total), sums[t]);
      }
    }
  }

  template <int kTokens>
  static void some_tokens(const LinearCall& call, const uint8_t* tile, int64_t row, int64_t token) {
    Input x[kTokens];
    F sums[kTokens];
    for (int t = 0; t < kTokens; ++t) {
      const int64_t first = (token + t) * call.cols;
      x[t] = {call.quantized.q + first, call.quantized.d + first / 32,
              call.quantized.sums + first / 16};
      sums[t] = D::set1(0.0F);
    }
    for (int64_t column = 0; column < call.cols; tile += Format::kTileBytes) {
      const F d = D::from_f16(tile + Format::kDAt);
      F m = d;
      if constexpr (Format::kHasMins) {
        m = D::from_f16(tile + Format::kMAt);
        if constexpr (Format::kHasGroupScales) m = D::mul(m, D::set1(-1.0F));
      }
      for (int part = 0; part < Format::kColumns / 32; ++part, column += 32) {
        group<0>(tile, part, d, m, x, column, sums);
        if constexpr (kGroupsPer32 == 2) group<1>(tile, part, d, m, x, column, sums);
      }
    }
    const int64_t count = std::min<int64_t>(kAffineRows, call.rows - row);
    for (int t = 0; t < kTokens; ++t) {
      float out[kAffineRows];
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
          .quantizes_input = true,
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
