// The vector type of the kernels' templates with one lane: plain C++ for any processor.
//
// A vector type V has kWidth lanes of float, F, and static functions on it; *_n variants touch only
// the first n < kWidth lanes of memory, the rest of a loaded vector being zero. Codes and dot
// products: affine_multiply.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "tensor/format/bf16.h"
#include "tensor/format/half.h"

namespace chitu::cpu::scalar {

struct Vec {
  static constexpr int kWidth = 1;
  using F = float;

  static F set1(float x) { return x; }
  static F set1_f16(uint16_t x) { return half_to_float(x); }
  static F load(const float* p) { return *p; }
  static F load_n(const float*, int) { return 0.0F; }
  static F load_f16(const uint16_t* p) { return half_to_float(*p); }
  static F load_bf16(const uint16_t* p) { return bf16_to_float(*p); }
  static F load_i8(const int8_t* p) { return static_cast<float>(*p); }
  // The even and the odd ones of 2 * kWidth values.
  static F load_bf16_even(const uint16_t* p) { return bf16_to_float(p[0]); }
  static F load_bf16_odd(const uint16_t* p) { return bf16_to_float(p[1]); }
  static void store(float* p, F x) { *p = x; }
  static void store_n(float*, F, int) {}
  static void store_f16(uint16_t* p, F x) { *p = float_to_half(x); }
  static void store_bf16(uint16_t* p, F x) { *p = float_to_bf16(x); }
  // Rounded to nearest, ties to even; |x| <= 127.
  static void store_i8(int8_t* p, F x) { *p = static_cast<int8_t>(std::nearbyint(x)); }

  static F add(F a, F b) { return a + b; }
  static F sub(F a, F b) { return a - b; }
  static F mul(F a, F b) { return a * b; }
  static F div(F a, F b) { return a / b; }
  static F fma(F a, F b, F c) { return a * b + c; }
  static F max(F a, F b) { return a > b ? a : b; }  // b if either is NaN
  // The larger of two numbers that are not negative; NaN if either is NaN.
  static F max_magnitude(F a, F b) { return b > a || std::isnan(b) ? b : a; }
  static F abs(F a) { return std::fabs(a); }
  static F round(F a) { return std::nearbyint(a); }
  // n whole, in [-126, 128], where 128 is infinite; or NaN, of which anything may come.
  static F pow2(F n) { return std::isnan(n) ? n : std::ldexp(1.0F, static_cast<int>(n)); }
  static F zero_below(F limit, F x, F y) { return x < limit ? 0.0F : y; }

  static uint32_t at_least(F x, F limit) { return x >= limit ? 1 : 0; }  // a bit a lane
  static float sum(F x) { return x; }
  static float largest(F x) { return x; }
  // Of kWidth vectors: lane i is the sum, or the max_magnitude, of v[i]'s lanes.
  static F sums(const F* v) { return v[0]; }
  static F max_magnitudes(const F* v) { return v[0]; }
};

// 16 rows of 4 codes each, and one accumulator a row; other Dots may have kRows = 8. Products is a
// sum of products of codes and activations that may be narrower than I: begin(), then kStepsAtOnce
// times multiply_add(), then end(). panel: linear_kernel.h.
struct Dot {
  static constexpr int kRows = 16;
  struct Codes {
    uint8_t byte[64];
  };
  struct I {
    int32_t lane[16];
  };
  struct F {
    float lane[16];
  };
  using Products = I;
  // Whether multiply_add<8>() takes 128 off the codes.
  static constexpr bool kSignedFullRange = false;
  static constexpr int kPanel = 1;  // more would only make the compiler unroll more
  static constexpr int kStepsAtOnce(int /*bits*/) { return 8; }

  static Codes load(const uint8_t* p) {
    Codes c;
    std::memcpy(c.byte, p, sizeof(c.byte));
    return c;
  }
  template <int kShift, int kMask>
  static Codes bits(const Codes& c) {
    Codes r;
    for (int i = 0; i < 64; ++i) r.byte[i] = static_cast<uint8_t>(c.byte[i] >> kShift & kMask);
    return r;
  }
  // low | (high << kShift & kMask); to the right if kShift is negative.
  template <int kShift, int kMask>
  static Codes merge(const Codes& low, const Codes& high) {
    Codes r;
    for (int i = 0; i < 64; ++i) {
      const int moved = kShift < 0 ? high.byte[i] >> -kShift : high.byte[i] << kShift;
      r.byte[i] = static_cast<uint8_t>(low.byte[i] | (moved & kMask));
    }
    return r;
  }
  static Products begin(const I& acc) { return acc; }
  static I end(const I& /*acc*/, const Products& sum) { return sum; }
  template <int kBits>
  static Products multiply_add(const Products& acc, const Codes& u, int32_t x4) {
    int8_t x[4];
    std::memcpy(x, &x4, sizeof(x));
    I r;
    for (int i = 0; i < 16; ++i) {
      r.lane[i] = acc.lane[i];
      for (int j = 0; j < 4; ++j) r.lane[i] += u.byte[4 * i + j] * x[j];
    }
    return r;
  }

  static I set1_i(int32_t x) {
    I r;
    std::fill_n(r.lane, 16, x);
    return r;
  }
  template <int kShift>
  static I shift_left(const I& x) {
    I r;
    for (int i = 0; i < 16; ++i) r.lane[i] = x.lane[i] * (1 << kShift);
    return r;
  }
  static F to_float(const I& x) {
    F r;
    for (int i = 0; i < 16; ++i) r.lane[i] = static_cast<float>(x.lane[i]);
    return r;
  }
  static F from_u8(const uint8_t* p) {
    F r;
    for (int i = 0; i < 16; ++i) r.lane[i] = static_cast<float>(p[i]);
    return r;
  }
  static F from_i8(const int8_t* p) {
    F r;
    for (int i = 0; i < 16; ++i) r.lane[i] = static_cast<float>(p[i]);
    return r;
  }
  template <int kShift>
  static F from_nibbles(const uint8_t* p) {
    F r;
    for (int i = 0; i < 16; ++i) r.lane[i] = static_cast<float>(p[i] >> kShift & 0xf);
    return r;
  }
  static F from_f32(const uint8_t* p) {
    F r;
    std::memcpy(r.lane, p, sizeof(r.lane));
    return r;
  }
  static F from_f16(const uint8_t* p) {
    F r;
    for (int i = 0; i < 16; ++i) {
      uint16_t half;
      std::memcpy(&half, p + 2 * i, sizeof(half));
      r.lane[i] = half_to_float(half);
    }
    return r;
  }
  static F set1(float x) {
    F r;
    std::fill_n(r.lane, 16, x);
    return r;
  }
  static F mul(const F& a, const F& b) {
    F r;
    for (int i = 0; i < 16; ++i) r.lane[i] = a.lane[i] * b.lane[i];
    return r;
  }
  static F fma(const F& a, const F& b, const F& c) {
    F r;
    for (int i = 0; i < 16; ++i) r.lane[i] = a.lane[i] * b.lane[i] + c.lane[i];
    return r;
  }
  static void store(float* p, const F& x) { std::memcpy(p, x.lane, sizeof(x.lane)); }
};

}  // namespace chitu::cpu::scalar
