#include <immintrin.h>

#include "kernels/burn.h"

namespace chitu::ceilings {
namespace {

struct Fma {
  using Vec = __m512;
  static Vec fill(float x) { return _mm512_set1_ps(x); }
  static Vec step(Vec sum, Vec a, Vec b) { return _mm512_fmadd_ps(sum, a, b); }
};

struct Products {
  using Vec = __m512i;
  static Vec fill(float x) { return _mm512_set1_epi8(static_cast<char>(x * 16)); }
  // As in avx2.cc.
  static Vec step(Vec sum, Vec a, Vec b) {
    return _mm512_add_epi16(_mm512_maddubs_epi16(sum, b), a);
  }
};

struct Words {
  using Vec = __m512i;
  static Vec load(const std::byte* p) { return _mm512_load_si512(p); }
  static Vec add(Vec x, Vec y) { return _mm512_add_epi64(x, y); }
  static uint64_t first(Vec x) {
    return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(x)));
  }
};

}  // namespace

void burn_fma_avx512(int64_t rounds) { burn<Fma>(rounds); }
void burn_int8_avx512(int64_t rounds) { burn<Products>(rounds); }
uint64_t read_avx512(const std::byte* data, std::size_t bytes) { return read<Words>(data, bytes); }

}  // namespace chitu::ceilings
