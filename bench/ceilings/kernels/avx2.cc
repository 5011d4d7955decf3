#include <immintrin.h>

#include "kernels/burn.h"

namespace chitu::ceilings {
namespace {

struct Fma {
  using Vec = __m256;
  static Vec fill(float x) { return _mm256_set1_ps(x); }
  static Vec step(Vec sum, Vec a, Vec b) { return _mm256_fmadd_ps(sum, a, b); }
};

struct Products {
  using Vec = __m256i;
  static Vec fill(float x) { return _mm256_set1_epi8(static_cast<char>(x * 16)); }
  // The products depend on the sum: of a and b alone they would be computed once.
  static Vec step(Vec sum, Vec a, Vec b) {
    return _mm256_add_epi16(_mm256_maddubs_epi16(sum, b), a);
  }
};

struct Words {
  using Vec = __m256i;
  static Vec load(const std::byte* p) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Vec add(Vec x, Vec y) { return _mm256_add_epi64(x, y); }
  static uint64_t first(Vec x) { return static_cast<uint64_t>(_mm256_extract_epi64(x, 0)); }
};

}  // namespace

void burn_fma_avx2(int64_t rounds) { burn<Fma>(rounds); }
void burn_int8_avx2(int64_t rounds) { burn<Products>(rounds); }
uint64_t read_avx2(const std::byte* data, std::size_t bytes) { return read<Words>(data, bytes); }

}  // namespace chitu::ceilings
