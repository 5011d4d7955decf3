// The vector type of the kernels' templates for AVX-512 (F, BW, DQ, VL); see scalar/vec.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace chitu::cpu::avx512 {

struct Vec {
  static constexpr int kWidth = 16;
  using F = __m512;

  static __mmask16 first(int n) { return static_cast<__mmask16>((1U << n) - 1); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F set1_f16(uint16_t x) {
    return _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<int16_t>(x)));
  }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static F load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static F load_f16(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static F load_bf16(const uint16_t* p) {
    const __m512i wide =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  static F load_i8(const int8_t* p) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F load_bf16_even(const uint16_t* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16));
  }
  static F load_bf16_odd(const uint16_t* p) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32(-0x10000)));
  }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static void store_n(float* p, F x, int n) { _mm512_mask_storeu_ps(p, first(n), x); }
  static void store_f16(uint16_t* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static void store_bf16(uint16_t* p, F x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i high = _mm512_srli_epi32(bits, 16);
    const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_srli_epi32(
        _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    const __m512i wide = _mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(wide));
  }
  static void store_i8(int8_t* p, F x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(x)));
  }

  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F max_magnitude(F a, F b) {  // compared as integers, NaN is above infinity
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
  }
  static F abs(F a) { return _mm512_abs_ps(a); }
  static F round(F a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static F pow2(F n) {
    const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
  }
  static F zero_below(F limit, F x, F y) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, limit, _CMP_NLT_UQ), y);
  }

  static uint32_t at_least(F x, F limit) { return _mm512_cmp_ps_mask(x, limit, _CMP_GE_OQ); }
  static float sum(F x) { return _mm512_reduce_add_ps(x); }
  static float largest(F x) { return _mm512_reduce_max_ps(x); }
  static F sums(const F* v) { return across<add>(v); }
  static F max_magnitudes(const F* v) { return across<max_magnitude>(v); }

 private:
  // Combines pairs of vectors lane by lane while transposing: four rounds leave one vector.
  template <F (*kCombine)(F, F)>
  static F across(const F* v) {
    F a[8];
    for (int i = 0; i < 8; ++i) {  // 128-bit lanes of v[i] and v[i + 8], halves combined
      a[i] = kCombine(_mm512_shuffle_f32x4(v[i], v[i + 8], 0x44),
                      _mm512_shuffle_f32x4(v[i], v[i + 8], 0xee));
    }
    F b[4];
    for (int i = 0; i < 4; ++i) {
      b[i] = kCombine(_mm512_shuffle_f32x4(a[i], a[i + 4], 0x88),
                      _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd));
    }
    // Lanes of 128 bits now belong to vectors i, i + 8, i + 4, i + 12.
    const F c0 = kCombine(_mm512_unpacklo_ps(b[0], b[2]), _mm512_unpackhi_ps(b[0], b[2]));
    const F c1 = kCombine(_mm512_unpacklo_ps(b[1], b[3]), _mm512_unpackhi_ps(b[1], b[3]));
    const F d = kCombine(_mm512_unpacklo_ps(c0, c1), _mm512_unpackhi_ps(c0, c1));
    return _mm512_shuffle_f32x4(d, d, 0xd8);
  }
};

// What Dots of 512 bits share: all but products.
struct DotBase {
  using Codes = __m512i;
  using I = __m512i;
  using F = __m512;
  using Products = __m512i;
  static constexpr int kRows = 16;

  static Codes load(const uint8_t* p) { return _mm512_loadu_si512(p); }
  template <int kShift, int kMask>
  static Codes bits(Codes c) {
    return _mm512_and_si512(_mm512_srli_epi16(c, kShift),
                            _mm512_set1_epi8(static_cast<char>(kMask)));
  }
  template <int kShift, int kMask>
  static Codes merge(Codes low, Codes high) {
    if constexpr (kShift < 0) {
      high = _mm512_srli_epi16(high, -kShift);
    } else {
      high = _mm512_slli_epi16(high, kShift);
    }
    constexpr int kOrOfAnd = 0xf8;  // a | (b & c)
    return _mm512_ternarylogic_epi32(low, high, _mm512_set1_epi8(static_cast<char>(kMask)),
                                     kOrOfAnd);
  }

  static I set1_i(int32_t x) { return _mm512_set1_epi32(x); }
  template <int kShift>
  static I shift_left(I x) {
    return _mm512_slli_epi32(x, kShift);
  }
  static F to_float(I x) { return _mm512_cvtepi32_ps(x); }
  static F widen(__m128i bytes) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
  }  // unsigned
  static F from_u8(const uint8_t* p) {
    return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  template <int kShift>
  static F from_nibbles(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return widen(_mm_and_si128(_mm_srli_epi16(bytes, kShift), _mm_set1_epi8(0xf)));
  }
  static F from_i8(const int8_t* p) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F from_f32(const uint8_t* p) { return _mm512_loadu_ps(reinterpret_cast<const float*>(p)); }
  static F from_f16(const uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
};

}  // namespace chitu::cpu::avx512
