// The vector types of the kernels' templates for 64-bit ARM, every one of which has NEON; see
// scalar/vec.h.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace chitu::cpu::neon {

struct Vec {
  static constexpr int kWidth = 4;
  using F = float32x4_t;

  static F set1(float x) { return vdupq_n_f32(x); }
  static F set1_f16(uint16_t x) { return widen(vdup_n_u16(x)); }
  static F load(const float* p) { return vld1q_f32(p); }
  static F load_n(const float* p, int n) {
    float padded[kWidth] = {};
    std::memcpy(padded, p, static_cast<std::size_t>(n) * sizeof(float));
    return load(padded);
  }
  static F load_f16(const uint16_t* p) { return widen(vld1_u16(p)); }
  static F load_bf16(const uint16_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
  }
  static F load_i8(const int8_t* p) {
    int32_t four;
    std::memcpy(&four, p, sizeof(four));
    const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
  }
  static F load_bf16_even(const uint16_t* p) {
    return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_u16(vld1q_u16(p)), 16));
  }
  static F load_bf16_odd(const uint16_t* p) {
    const uint32x4_t pairs = vreinterpretq_u32_u16(vld1q_u16(p));
    return vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff0000)));
  }
  static void store(float* p, F x) { vst1q_f32(p, x); }
  static void store_n(float* p, F x, int n) {
    float all[kWidth];
    store(all, x);
    std::memcpy(p, all, static_cast<std::size_t>(n) * sizeof(float));
  }
  static void store_f16(uint16_t* p, F x) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
  static void store_bf16(uint16_t* p, F x) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t high = vshrq_n_u32(bits, 16);
    const uint32x4_t odd = vandq_u32(high, vdupq_n_u32(1));
    const uint32x4_t rounded =
        vshrq_n_u32(vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
    const uint32x4_t quiet_nan = vorrq_u32(high, vdupq_n_u32(0x40));
    vst1_u16(p, vmovn_u32(vbslq_u32(vceqq_f32(x, x), rounded, quiet_nan)));
  }
  static void store_i8(int8_t* p, F x) {
    const int16x4_t i16 = vqmovn_s32(vcvtnq_s32_f32(x));
    const int32x2_t four = vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(i16, i16)));
    const int32_t codes = vget_lane_s32(four, 0);
    std::memcpy(p, &codes, sizeof(codes));
  }

  static F add(F a, F b) { return vaddq_f32(a, b); }
  static F sub(F a, F b) { return vsubq_f32(a, b); }
  static F mul(F a, F b) { return vmulq_f32(a, b); }
  static F div(F a, F b) { return vdivq_f32(a, b); }
  static F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
  static F max(F a, F b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static F max_magnitude(F a, F b) { return vmaxq_f32(a, b); }
  static F abs(F a) { return vabsq_f32(a); }
  static F round(F a) { return vrndnq_f32(a); }
  static F pow2(F n) {
    const int32x4_t biased = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(biased, 23));
  }
  static F zero_below(F limit, F x, F y) {
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(y), vcltq_f32(x, limit)));
  }

  static uint32_t at_least(F x, F limit) {
    constexpr uint32_t kBits[kWidth] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgeq_f32(x, limit), vld1q_u32(kBits)));
  }
  static float sum(F x) { return vaddvq_f32(x); }
  static float largest(F x) { return vmaxnmvq_f32(x); }
  static F sums(const F* v) { return vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])); }
  static F max_magnitudes(const F* v) {
    return vpmaxq_f32(vpmaxq_f32(v[0], v[1]), vpmaxq_f32(v[2], v[3]));
  }

 private:
  static F widen(uint16x4_t halves) { return vcvt_f32_f16(vreinterpret_f16_u16(halves)); }
};

// What the Dots share: all but products. A tile's 16 rows take four registers.
struct DotBase {
  template <class T>
  struct Four {
    T v[4];
  };
  using Codes = Four<uint8x16_t>;
  using I = Four<int32x4_t>;
  using F = Four<float32x4_t>;
  using Products = I;
  static constexpr int kRows = 16;
  static constexpr bool kSignedFullRange = true;
  static constexpr int kPanel = 4;
  static constexpr int kStepsAtOnce(int /*bits*/) { return 8; }

  // f(0) to f(3). Not a loop: with constants for indices the registers stay registers.
  template <class Make>
  static auto four(Make&& f) {
    return Four<decltype(f(0))>{f(0), f(1), f(2), f(3)};
  }

  static Codes load(const uint8_t* p) {
    return four([&](int i) { return vld1q_u8(p + 16 * i); });
  }
  template <int kShift, int kMask>
  static uint8x16_t bits(uint8x16_t c) {
    if constexpr (kShift > 0) c = vshrq_n_u8(c, kShift);
    if constexpr (kMask != 0xff >> kShift) c = vandq_u8(c, vdupq_n_u8(kMask));
    return c;
  }
  template <int kShift, int kMask>
  static Codes bits(const Codes& c) {
    return four([&](int i) { return bits<kShift, kMask>(c.v[i]); });
  }
  template <int kShift, int kMask>
  static Codes merge(const Codes& low, const Codes& high) {
    return four([&](int i) {
      uint8x16_t moved;
      if constexpr (kShift < 0) {
        moved = vshrq_n_u8(high.v[i], -kShift);
      } else {
        moved = vshlq_n_u8(high.v[i], kShift);
      }
      return vorrq_u8(low.v[i], vandq_u8(moved, vdupq_n_u8(kMask)));
    });
  }
  // The codes of a register as signed numbers; those of 8 bits less 128.
  template <int kBits>
  static int8x16_t as_signed(uint8x16_t u) {
    if constexpr (kBits == 8) u = veorq_u8(u, vdupq_n_u8(0x80));
    return vreinterpretq_s8_u8(u);
  }
  static Products begin(const I& acc) { return acc; }
  static I end(const I& /*acc*/, const Products& sum) { return sum; }

  static I set1_i(int32_t x) {
    return four([&](int) { return vdupq_n_s32(x); });
  }
  template <int kShift>
  static I shift_left(const I& x) {
    return four([&](int i) { return vshlq_n_s32(x.v[i], kShift); });
  }
  static F to_float(const I& x) {
    return four([&](int i) { return vcvtq_f32_s32(x.v[i]); });
  }
  static F widen(uint8x16_t bytes) {
    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes));
    const uint16x8_t high = vmovl_high_u8(bytes);
    return {vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))), vcvtq_f32_u32(vmovl_high_u16(low)),
            vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))), vcvtq_f32_u32(vmovl_high_u16(high))};
  }
  static F from_u8(const uint8_t* p) { return widen(vld1q_u8(p)); }
  template <int kShift>
  static F from_nibbles(const uint8_t* p) {
    return widen(bits<kShift, 0xf>(vld1q_u8(p)));
  }
  static F from_i8(const int8_t* p) {
    return four([&](int i) { return Vec::load_i8(p + 4 * i); });
  }
  static F from_f32(const uint8_t* p) {
    return four([&](int i) { return vld1q_f32(reinterpret_cast<const float*>(p) + 4 * i); });
  }
  static F from_f16(const uint8_t* p) {
    return four([&](int i) { return Vec::load_f16(reinterpret_cast<const uint16_t*>(p) + 4 * i); });
  }
  static F set1(float x) {
    return four([&](int) { return vdupq_n_f32(x); });
  }
  static F mul(const F& a, const F& b) {
    return four([&](int i) { return vmulq_f32(a.v[i], b.v[i]); });
  }
  static F fma(const F& a, const F& b, const F& c) {
    return four([&](int i) { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); });
  }
  static void store(float* p, const F& x) {
    for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, x.v[i]);
  }
};

}  // namespace chitu::cpu::neon
