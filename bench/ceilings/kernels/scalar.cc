#include <cmath>
#include <cstring>

#include "kernels/kernels.h"

namespace chitu::ceilings {

// What the compiler makes of a multiplication and an addition for its default processor.
void burn_fma_scalar(int64_t rounds) {
  constexpr int64_t kLanes = kChains * 4;
  float sums[kLanes];
  for (float& sum : sums) sum = 0.25F;
  float a = 0.5F;
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+m"(sums), "+m"(a));
    for (float& sum : sums) sum = sum * a + a;
  }
  asm volatile("" : "+m"(sums));
}

uint64_t read_scalar(const std::byte* data, std::size_t bytes) {
  constexpr std::size_t kWords = 8;
  uint64_t sums[kWords] = {};
  for (std::size_t at = 0; at < bytes; at += sizeof(sums)) {
    uint64_t words[kWords];
    std::memcpy(words, data + at, sizeof(words));
    for (std::size_t i = 0; i < kWords; ++i) sums[i] += words[i];
  }
  uint64_t sum = 0;
  for (const uint64_t s : sums) sum += s;
  return sum;
}

}  // namespace chitu::ceilings
