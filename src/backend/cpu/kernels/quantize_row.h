// Activations into 8 bits (QuantizedRow), written once over a vector type V; included by one source
// file an instruction set.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "backend/cpu/kernels/row_kernels.h"

namespace chitu::cpu {

// Blocks of 32, their largest magnitude becoming 127. As many blocks as V has lanes go together, so
// that what is added or compared across lanes is so for all of them at once.
template <class V>
class QuantizeRow {
 public:
  static void run(const float* x, const QuantizedRow& y, int64_t n) {
    for (int64_t block = 0; block < n / 32; block += kBlocks) {
      const QuantizedRow to = {.q = y.q + block * 32 * y.stride,
                               .d = y.d + block * y.stride,
                               .minus_sums = y.minus_sums + block * 3 * y.stride,
                               .stride = y.stride,
                               .word_stride = y.word_stride};
      some_blocks(x + block * 32, to, std::min<int64_t>(kBlocks, n / 32 - block));
    }
  }

 private:
  using F = typename V::F;
  static constexpr int64_t kBlocks = V::kWidth;

  // By value: stores of codes might else change it.
  static void some_blocks(const float* x, QuantizedRow y, int64_t count) {
    F magnitudes[kBlocks];
    for (int64_t b = 0; b < count; ++b) {
      magnitudes[b] = V::set1(0.0F);
      for (int i = 0; i < 32; i += V::kWidth)
        magnitudes[b] = V::max(V::abs(V::load(x + b * 32 + i)), magnitudes[b]);
    }
    std::fill(magnitudes + count, magnitudes + kBlocks, V::set1(0.0F));
    const F d = V::div(V::largests(magnitudes), V::set1(127.0F));
    // The reciprocal of a subnormal d would be infinite; such a block is zero.
    const F inverse =
        V::zero_below(V::set1(std::numeric_limits<float>::min()), d, V::div(V::set1(1.0F), d));
    float scales[kBlocks];
    float inverses[kBlocks];
    V::store(scales, d);
    V::store(inverses, inverse);
    F sums[2][kBlocks];  // of the halves of a block
    for (int64_t b = 0; b < count; ++b) {
      int8_t q[32];
      sums[0][b] = half(x + b * 32, inverses[b], q);
      sums[1][b] = half(x + b * 32 + 16, inverses[b], q + 16);
      int8_t* words = y.q + b * 32 * y.stride;
      for (int64_t i = 0; i < 8; ++i) std::memcpy(words + i * 4 * y.word_stride, q + i * 4, 4);
      y.d[b * y.stride] = scales[b];
    }
    float totals[2][kBlocks];
    for (int h = 0; h < 2; ++h) {
      std::fill(sums[h] + count, sums[h] + kBlocks, V::set1(0.0F));
      V::store(totals[h], V::sums(sums[h]));
    }
    for (int64_t b = 0; b < count; ++b) {
      const int32_t first = -static_cast<int32_t>(totals[0][b]);
      const int32_t second = -static_cast<int32_t>(totals[1][b]);
      int32_t* minus_sums = y.minus_sums + b * 3 * y.stride;
      minus_sums[0] = first;
      minus_sums[y.stride] = second;
      minus_sums[y.stride * 2] = first + second;
    }
  }

  // The codes of half a block, and their sum in as many parts as there are lanes.
  static F half(const float* x, float inverse, int8_t* q) {
    F sum = V::set1(0.0F);
    for (int i = 0; i < 16; i += V::kWidth) {
      // NaN becomes -127: of max(a, b), a NaN in a gives b.
      const F code = V::max(V::round(V::mul(V::load(x + i), V::set1(inverse))), V::set1(-127.0F));
      V::store_i8(q + i, code);
      sum = V::add(sum, code);
    }
    return sum;
  }
};

}  // namespace chitu::cpu
