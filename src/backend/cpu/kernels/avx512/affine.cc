// Without VNNI, as AVX2 does it but in 512 bits.
#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/avx512/vec.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {
namespace avx512 {

struct Dot : DotBase {
  // vpmaddubsw adds pairs of products in 16 bits: codes above 127 would overflow, so that 8-bit
  // codes are taken as signed.
  static constexpr bool kSignedFullRange = true;
  static constexpr int kPanel = 4;
  static constexpr int kStepsAtOnce(int bits) { return steps_in_16_bits(bits); }

  static Products begin(I /*acc*/) { return _mm512_setzero_si512(); }
  static I end(I acc, Products sum) {
    return _mm512_add_epi32(acc, _mm512_madd_epi16(sum, _mm512_set1_epi16(1)));
  }
  template <int kBits>
  static Products multiply_add(Products acc, Codes u, int32_t x4) {
    __m512i x = _mm512_set1_epi32(x4);
    if constexpr (kBits == 8) {  // |a| * (a < 0 ? -x : x) = a * x, and |a| <= 128
      u = _mm512_xor_si512(u, _mm512_set1_epi8(static_cast<char>(0x80)));
      x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(u), _mm512_setzero_si512(), x);
      u = _mm512_abs_epi8(u);
    }
    return _mm512_add_epi16(acc, _mm512_maddubs_epi16(u, x));
  }
};

}  // namespace avx512

std::span<const LinearKernel> affine_kernels_avx512() {
  return kAffineKernels<avx512::Dot, Isa::kAvx512>;
}

}  // namespace chitu::cpu
