// Activations into 8 bits (QuantizedRow), written once over a vector type V; included by one source
// file an instruction set.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "backend/cpu/kernels/row_kernels.h"

namespace chitu::cpu {

// Blocks of 32, their largest magnitude becoming 127; the scale of a block that is not finite is
// NaN. As many blocks as V has lanes go together, so that what is added or compared across lanes is
// so for all of them at once.
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

  // Taken by value: stores of codes might else change it.
  static void some_blocks(const float* x, QuantizedRow y, int64_t count) {
    F magnitudes[kBlocks];
    for (int64_t b = 0; b < count; ++b) {
      F most = V::set1(0.0F);
      for (int i = 0; i < 32; i += V::kWidth)
        most = V::max_magnitude(V::abs(V::load(x + b * 32 + i)), most);
      magnitudes[b] = most;
    }
    std::fill(magnitudes + count, magnitudes + kBlocks, V::set1(0.0F));
    const F largest = V::max_magnitudes(magnitudes);
    // Infinity times zero is NaN.
    const F d = V::fma(largest, V::set1(0.0F), V::div(largest, V::set1(127.0F)));
    // The reciprocal of a subnormal d would be infinite; such a block is zero.
    const F inverse =
        V::zero_below(V::set1(std::numeric_limits<float>::min()), d, V::div(V::set1(1.0F), d));
    float scales[kBlocks];
    float inverses[kBlocks];
    V::store(scales, d);
    V::store(inverses, inverse);
    F sums[2][kBlocks];  // of the halves of a block
    for (int64_t b = 0; b < count; ++b) {
      int8_t* words = y.q + b * 32 * y.stride;
      const F inverse_b = V::set1(inverses[b]);
      sums[0][b] = half(x + b * 32, inverse_b, words, 4 * y.word_stride);
      sums[1][b] = half(x + b * 32 + 16, inverse_b, words + 16 * y.word_stride, 4 * y.word_stride);
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

  // Writes the codes of half a block as words so far apart, and returns their sum in as many parts
  // as there are lanes.
  static F half(const float* x, F inverse, int8_t* words, int64_t word_stride) {
    int8_t q[16];
    F sum = V::set1(0.0F);
    for (int i = 0; i < 16; i += V::kWidth) {
      // NaN becomes -127, which the block's scale makes NaN again.
      const F code = V::max(V::round(V::mul(V::load(x + i), inverse)), V::set1(-127.0F));
      V::store_i8(q + i, code);
      sum = i == 0 ? code : V::add(sum, code);
    }
    if (word_stride == 4) {
      std::memcpy(words, q, 16);
    } else {
      uint64_t pairs[2];
      std::memcpy(pairs, q, 16);
      for (int i = 0; i < 4; ++i) {
        const auto word = static_cast<uint32_t>(pairs[i / 2] >> (i % 2 * 32));
        std::memcpy(words + i * word_stride, &word, 4);
      }
    }
    return sum;
  }
};

}  // namespace chitu::cpu
