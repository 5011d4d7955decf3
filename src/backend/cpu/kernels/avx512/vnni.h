// 8-bit dot products with AVX-512 VNNI; see scalar/vec.h.
#pragma once

#include "backend/cpu/kernels/avx512/vec.h"

namespace chitu::cpu::avx512 {

struct VnniDot : DotBase {
  static constexpr bool kSignedFullRange = false;
  static constexpr int kPanel = 8;
  static constexpr int kStepsAtOnce(int /*bits*/) { return 8; }

  static Products begin(I acc) { return acc; }
  static I end(I /*acc*/, Products sum) { return sum; }
  template <int kBits>
  static Products multiply_add(Products acc, Codes u, int32_t x4) {
    return _mm512_dpbusd_epi32(acc, u, _mm512_set1_epi32(x4));
  }
};

}  // namespace chitu::cpu::avx512
