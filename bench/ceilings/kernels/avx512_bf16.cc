#include <immintrin.h>

#include "kernels/burn.h"

namespace chitu::ceilings {
namespace {

struct Dot {
  using Vec = __m512;
  static Vec fill(float x) { return _mm512_set1_ps(x); }  // a pair of BF16 in each lane
  static Vec step(Vec sum, Vec a, Vec b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

}  // namespace

void burn_bf16_avx512(int64_t rounds) { burn<Dot>(rounds); }

}  // namespace chitu::ceilings
