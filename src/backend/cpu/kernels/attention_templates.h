// The attention kernels, written once over a vector type V; included by one source file an
// instruction set.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "backend/cpu/kernels/attention_kernel.h"
#include "backend/cpu/kernels/read.h"
#include "backend/cpu/kernels/vec_math.h"

namespace chitu::cpu {

template <class V>
class AttentionTemplates {
 public:
  static constexpr AttentionKernels table() { return {.attend = attend, .merge = merge}; }

 private:
  using F = typename V::F;
  static constexpr float kNone = -std::numeric_limits<float>::infinity();

  static void attend(const AttentionChunk& chunk) {
    switch (chunk.dtype) {
      case DType::kF16:
        return attend_as<ReadF16<V>>(chunk);
      case DType::kBF16:
        return attend_as<ReadBF16<V>>(chunk);
      default:
        return attend_as<ReadF32<V>>(chunk);
    }
  }

  template <class Read>
  static void attend_as(const AttentionChunk& chunk) {
    score<Read>(chunk);
    for (int r = 0; r < chunk.rows; ++r) exponentials(chunk, r);
    int r = 0;
    for (; r + 4 <= chunk.rows; r += 4) weigh<Read, 4>(chunk, r);
    for (; r + 3 <= chunk.rows; r += 3) weigh<Read, 3>(chunk, r);
    for (; r < chunk.rows; ++r) weigh<Read, 1>(chunk, r);
  }

  static float* scores(const AttentionChunk& chunk, int row) {
    return chunk.scratch + row * kChunkKeys;
  }

  // scores = scale * q k^T, as many keys at a time as a vector has lanes.
  template <class Read>
  static void score(const AttentionChunk& chunk) {
    constexpr int kWidth = V::kWidth;
    const int64_t d = chunk.head_dim;
    float* panel = chunk.scratch + kQueryRows * kChunkKeys;
    const F scale = V::set1(chunk.scale);
    for (int key = 0; key < chunk.keys; key += kWidth) {
      const float* k[kWidth];
      for (int j = 0; j < kWidth; ++j) {
        // Lanes past the last key repeat it; nothing reads their scores.
        const auto* row = static_cast<const typename Read::Element*>(
            chunk.k[key + j < chunk.keys ? key + j : chunk.keys - 1]);
        k[j] = as_floats<Read>(row, d, panel + j * d);
      }
      for (int r = 0; r < chunk.rows; ++r) {
        F sums[kWidth];
        for (int j = 0; j < kWidth; ++j) sums[j] = V::set1(0.0F);
        for_lanes<V>(d, [&](int64_t i, auto load, auto) {
          const F q = load(chunk.q[r] + i);
          for (int j = 0; j < kWidth; ++j) sums[j] = V::fma(q, load(k[j] + i), sums[j]);
        });
        V::store(scores(chunk, r) + key, V::mul(V::sums(sums), scale));
      }
    }
  }

  template <class Read>
  static const float* as_floats(const typename Read::Element* row, int64_t n, float* panel) {
    if constexpr (std::is_same_v<typename Read::Element, float>) return row;
    int64_t i = 0;
    for (; i + V::kWidth <= n; i += V::kWidth) V::store(panel + i, Read::load(row + i));
    if (const int left = static_cast<int>(n - i); left > 0) {
      V::store_n(panel + i, Read::load_n(row + i, left), left);
    }
    return panel;
  }

  // Scores become e^(score - largest), and 0 for keys the row does not see.
  static void exponentials(const AttentionChunk& chunk, int r) {
    float* s = scores(chunk, r);
    const int first = chunk.first[r];
    const int end = chunk.end[r];
    const int lanes = (chunk.keys + V::kWidth - 1) / V::kWidth * V::kWidth;
    if (chunk.softcap > 0) {
      for (int i = first; i < end; ++i) s[i] = chunk.softcap * std::tanh(s[i] / chunk.softcap);
    }
    for (int i = 0; i < first; ++i) s[i] = kNone;
    for (int i = end; i < lanes; ++i) s[i] = kNone;
    F most = V::set1(kNone);
    for (int i = 0; i < lanes; i += V::kWidth) most = V::max(V::load(s + i), most);
    const float largest = V::largest(most);
    const F top = V::set1(largest == kNone ? 0.0F : largest);
    F total = V::set1(0.0F);
    for (int i = 0; i < lanes; i += V::kWidth) {
      const F e = cpu::exp<V>(V::sub(V::load(s + i), top));
      V::store(s + i, e);
      total = V::add(total, e);
    }
    chunk.part.largest[r] = largest;
    chunk.part.total[r] = V::sum(total);
  }

  // sums[r] = sum over keys of scores[r] * v, for kRows rows at once.
  template <class Read, int kRows>
  static void weigh(const AttentionChunk& chunk, int row) {
    constexpr int kVectors = V::kWidth == 16 ? 4 : 2;
    const int64_t d = chunk.head_dim;
    int64_t i = 0;
    for (; i + kVectors * V::kWidth <= d; i += kVectors * V::kWidth) {
      weigh_columns<Read, kRows, kVectors>(
          chunk, row, i, [](auto* p) { return Read::load(p); },
          [](float* p, F x) { V::store(p, x); });
    }
    for (; i + V::kWidth <= d; i += V::kWidth) {
      weigh_columns<Read, kRows, 1>(
          chunk, row, i, [](auto* p) { return Read::load(p); },
          [](float* p, F x) { V::store(p, x); });
    }
    if (const int left = static_cast<int>(d - i); left > 0) {
      weigh_columns<Read, kRows, 1>(
          chunk, row, i, [left](auto* p) { return Read::load_n(p, left); },
          [left](float* p, F x) { V::store_n(p, x, left); });
    }
  }

  template <class Read, int kRows, int kVectors, class Load, class Store>
  static void weigh_columns(const AttentionChunk& chunk, int row, int64_t column, Load&& load,
                            Store&& store) {
    F sums[kRows][kVectors];
    for (auto& vectors : sums) {
      for (F& sum : vectors) sum = V::set1(0.0F);
    }
    const float* s = scores(chunk, row);
    for (int key = 0; key < chunk.keys; ++key) {
      const auto* v = static_cast<const typename Read::Element*>(chunk.v[key]) + column;
      F values[kVectors];
      for (int i = 0; i < kVectors; ++i) values[i] = load(v + i * V::kWidth);
      for (int r = 0; r < kRows; ++r) {
        const F weight = V::set1(s[r * kChunkKeys + key]);
        for (int i = 0; i < kVectors; ++i) sums[r][i] = V::fma(weight, values[i], sums[r][i]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      float* out = chunk.part.sums + (row + r) * chunk.head_dim + column;
      for (int i = 0; i < kVectors; ++i) store(out + i * V::kWidth, sums[r][i]);
    }
  }

  static void merge(const AttentionPart& part, const AttentionPart& into, int rows,
                    int64_t head_dim) {
    for (int r = 0; r < rows; ++r) {
      if (part.largest[r] == kNone) continue;
      const float largest = part.largest[r] > into.largest[r] ? part.largest[r] : into.largest[r];
      const float a = std::exp(into.largest[r] - largest);
      const float b = std::exp(part.largest[r] - largest);
      into.largest[r] = largest;
      into.total[r] = into.total[r] * a + part.total[r] * b;
      const float* from = part.sums + r * head_dim;
      float* to = into.sums + r * head_dim;
      for_lanes<V>(head_dim, [&](int64_t i, auto load, auto store) {
        store(to + i, V::fma(load(from + i), V::set1(b), V::mul(load(to + i), V::set1(a))));
      });
    }
  }
};

}  // namespace chitu::cpu
