// What the kernels for affine weights (affine_format.h) share: codes out of their planes, and dot
// products of integers into floats. D is a type of dot products (Dot of scalar/vec.h).
#pragma once

#include <bit>
#include <cstdint>

#include "backend/cpu/kernels/affine_format.h"

namespace chitu::cpu {

template <class D, class Format>
struct AffineTile {
  using Codes = typename D::Codes;
  using I = typename D::I;
  using F = typename D::F;

  static constexpr int kBits = Format::kLowBits + Format::kHighBits;
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
      constexpr int kShift = Format::kLowBits - kStep % kHighSteps * Format::kHighBits;
      constexpr int kMask = ((1 << Format::kHighBits) - 1) << Format::kLowBits;
      c = D::template merge<kShift, kMask>(c, D::load(high + kStep / kHighSteps * 64));
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

    void next_part() {
      low += Format::kPartBytes;
      high += Format::kPartBytes;
      scales += kGroupsPer32 * kAffineRows;
      mins += kGroupsPer32 * kAffineRows;
    }
  };

  // The first part, rows from `lane`.
  static Weights first_part(const uint8_t* tile, int lane) {
    Weights w = {.low = tile + Format::kPartsAt + lane * 4,
                 .high = tile + Format::kPartsAt + Format::kHighAt + lane * 4,
                 .scales = tile + Format::kScalesAt + lane,
                 .mins = tile + Format::kMinsAt + lane,
                 .d = D::set1(0.0F),
                 .minus_m = D::set1(0.0F)};
    const uint8_t* d = tile + lane * Format::kDBytes;
    const uint8_t* m = tile + Format::kMAt + lane * Format::kMBytes;
    if constexpr (Format::kScales == AffineScales::kBlockZero) {
      w.d = D::from_f32(d);
      w.minus_m = D::mul(w.d, D::from_i8(reinterpret_cast<const int8_t*>(m)));
    } else {
      w.d = D::from_f16(d);
      if constexpr (Format::kHasMins) w.minus_m = D::from_f16(m);
      if constexpr (Format::kScales == AffineScales::kBlockMin)
        w.minus_m = D::mul(w.minus_m, D::set1(-1.0F));
    }
    return w;
  }

  // values = a * dots + b * (the sums of codes), of group kGroup and kTokens tokens; the values of
  // the group before are added. `dots`: sums of (u - offset) q. minus_sums: QuantizedRow's, of a
  // block, the tokens' side by side.
  template <int kGroup, int kTokens>
  static void scale(const Weights& w, const int32_t* minus_sums, int64_t stride,
                    const I (&dots)[kTokens], F (&values)[kTokens]) {
    const F a = group_scale<kGroup>(w);
    if constexpr (Format::kHasMins) {
      const F minus_b = minus_group_min<kGroup>(w);
      for (int t = 0; t < kTokens; ++t) {
        const F minus_sum = D::to_float(D::set1_i(minus_sums[sum_at(kGroup) * stride + t]));
        values[t] =
            kGroup == 0 ? D::mul(minus_b, minus_sum) : D::fma(minus_b, minus_sum, values[t]);
      }
    }
    for (int t = 0; t < kTokens; ++t) {
      const F dot = D::to_float(dots[t]);
      values[t] = kGroup == 0 && !Format::kHasMins ? D::mul(dot, a) : D::fma(dot, a, values[t]);
    }
  }

  // Which of the three sums of a block of activations is group's.
  static constexpr int sum_at(int group) { return Format::kGroup == 32 ? 2 : group; }

 private:
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
};

}  // namespace chitu::cpu
