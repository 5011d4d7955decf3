// The vector type of the kernels' templates for AVX2 with FMA and F16C; see scalar/vec.h.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "backend/cpu/kernels/affine_format.h"

namespace chitu::cpu::avx2 {

struct Vec {
  static constexpr int kWidth = 8;
  using F = __m256;

  static __m256i first(int n) {  // all ones in the first n lanes
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static F set1(float x) { return _mm256_set1_ps(x); }
  static F set1_f16(uint16_t x) { return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<int16_t>(x))); }
  static F load(const float* p) { return _mm256_loadu_ps(p); }
  static F load_n(const float* p, int n) { return _mm256_maskload_ps(p, first(n)); }
  static F load_f16(const uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static F load_bf16(const uint16_t* p) {
    const __m256i wide =
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  static F load_i8(const int8_t* p) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static F load_bf16_even(const uint16_t* p) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  }
  static F load_bf16_odd(const uint16_t* p) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    // Not a mask, whose register kernels that fill all 16 with sums cannot spare.
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_srli_epi32(pairs, 16), 16));
  }
  static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
  static void store_n(float* p, F x, int n) { _mm256_maskstore_ps(p, first(n), x); }
  static void store_f16(uint16_t* p, F x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_bf16(uint16_t* p, F x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_srli_epi32(
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    const __m256i quiet_nan = _mm256_or_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(0x40));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const __m256i wide = _mm256_blendv_epi8(rounded, quiet_nan, nan);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(wide, wide), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
  }
  static void store_i8(int8_t* p, F x) {
    const __m256i i32 = _mm256_cvtps_epi32(x);
    const __m128i i16 =
        _mm_packs_epi32(_mm256_castsi256_si128(i32), _mm256_extracti128_si256(i32, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(i16, i16));
  }

  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F max_magnitude(F a, F b) {  // compared as integers, NaN is above infinity
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
  }
  static F abs(F a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a); }
  static F round(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F pow2(F n) {
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
  }
  static F zero_below(F limit, F x, F y) {
    return _mm256_andnot_ps(_mm256_cmp_ps(x, limit, _CMP_LT_OQ), y);
  }

  static uint32_t at_least(F x, F limit) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, limit, _CMP_GE_OQ)));
  }
  static float sum(F x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  static float largest(F x) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
  }
  static F sums(const F* v) { return across<add>(v); }
  static F max_magnitudes(const F* v) { return across<max_magnitude>(v); }

 private:
  // Combines pairs of vectors lane by lane while transposing: three rounds leave one vector.
  template <F (*kCombine)(F, F)>
  static F across(const F* v) {
    F a[4];
    for (int i = 0; i < 4; ++i) {  // 128-bit lanes of v[i] and v[i + 4]
      a[i] = kCombine(_mm256_permute2f128_ps(v[i], v[i + 4], 0x20),
                      _mm256_permute2f128_ps(v[i], v[i + 4], 0x31));
    }
    const F b0 = kCombine(_mm256_unpacklo_ps(a[0], a[2]), _mm256_unpackhi_ps(a[0], a[2]));
    const F b1 = kCombine(_mm256_unpacklo_ps(a[1], a[3]), _mm256_unpackhi_ps(a[1], a[3]));
    return kCombine(_mm256_unpacklo_ps(b0, b1), _mm256_unpackhi_ps(b0, b1));
  }
};

// 8 of a tile's 16 rows.
struct Dot {
  using Codes = __m256i;
  using I = __m256i;
  using F = __m256;
  using Products = __m256i;  // pairs of columns, in 16 bits
  static constexpr int kRows = 8;
  // vpmaddubsw adds pairs of products in 16 bits: codes above 127 would overflow, so that 8-bit
  // codes are taken as signed.
  static constexpr bool kSignedFullRange = true;
  static constexpr int kPanel = 4;
  static constexpr int kStepsAtOnce(int bits) { return steps_in_16_bits(bits); }

  static Codes load(const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  template <int kShift, int kMask>
  static Codes bits(Codes c) {
    return _mm256_and_si256(_mm256_srli_epi16(c, kShift),
                            _mm256_set1_epi8(static_cast<char>(kMask)));
  }
  template <int kShift, int kMask>
  static Codes merge(Codes low, Codes high) {
    if constexpr (kShift < 0) {
      high = _mm256_srli_epi16(high, -kShift);
    } else {
      high = _mm256_slli_epi16(high, kShift);
    }
    return _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(static_cast<char>(kMask))));
  }
  static Products begin(I /*acc*/) { return _mm256_setzero_si256(); }
  static I end(I acc, Products sum) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(sum, _mm256_set1_epi16(1)));
  }
  template <int kBits>
  static Products multiply_add(Products acc, Codes u, int32_t x4) {
    const __m256i x = _mm256_set1_epi32(x4);
    if constexpr (kBits == 8) {  // |a| * sign(x, a) = a * x, and |a| <= 128
      const __m256i a = _mm256_xor_si256(u, _mm256_set1_epi8(static_cast<char>(0x80)));
      return _mm256_add_epi16(acc,
                              _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(x, a)));
    } else {
      return _mm256_add_epi16(acc, _mm256_maddubs_epi16(u, x));
    }
  }

  static I set1_i(int32_t x) { return _mm256_set1_epi32(x); }
  template <int kShift>
  static I shift_left(I x) {
    return _mm256_slli_epi32(x, kShift);
  }
  static F to_float(I x) { return _mm256_cvtepi32_ps(x); }
  static __m128i load_bytes(const void* p) {
    return _mm_loadl_epi64(static_cast<const __m128i*>(p));
  }
  static F widen(__m128i bytes) {  // unsigned
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  }
  static F from_u8(const uint8_t* p) { return widen(load_bytes(p)); }
  template <int kShift>
  static F from_nibbles(const uint8_t* p) {
    return widen(_mm_and_si128(_mm_srli_epi16(load_bytes(p), kShift), _mm_set1_epi8(0xf)));
  }
  static F from_i8(const int8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_bytes(p)));
  }
  static F from_f32(const uint8_t* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
  static F from_f16(const uint8_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static F set1(float x) { return _mm256_set1_ps(x); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
};

}  // namespace chitu::cpu::avx2
