#include <immintrin.h>

#include "kernels/burn.h"

namespace chitu::ceilings {
namespace {

struct Fma {
  using Vec = __m512h;
  static Vec fill(float x) { return _mm512_set1_ph(static_cast<_Float16>(x)); }
  static Vec step(Vec sum, Vec a, Vec b) { return _mm512_fmadd_ph(sum, a, b); }
};

}  // namespace

void burn_fp16_avx512(int64_t rounds) { burn<Fma>(rounds); }

}  // namespace chitu::ceilings
