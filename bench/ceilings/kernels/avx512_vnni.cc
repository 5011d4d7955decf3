#include <immintrin.h>

#include "kernels/burn.h"

namespace chitu::ceilings {
namespace {

struct Dot256 {
  using Vec = __m256i;
  static Vec fill(float x) { return _mm256_set1_epi8(static_cast<char>(x * 16)); }
  static Vec step(Vec sum, Vec a, Vec b) { return _mm256_dpbusd_epi32(sum, a, b); }
};

struct Dot512 {
  using Vec = __m512i;
  static Vec fill(float x) { return _mm512_set1_epi8(static_cast<char>(x * 16)); }
  static Vec step(Vec sum, Vec a, Vec b) { return _mm512_dpbusd_epi32(sum, a, b); }
};

}  // namespace

void burn_vnni_256(int64_t rounds) { burn<Dot256>(rounds); }
void burn_vnni_512(int64_t rounds) { burn<Dot512>(rounds); }

}  // namespace chitu::ceilings
