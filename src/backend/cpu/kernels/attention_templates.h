// The attention kernels, written once over a vector type V; included by one source file an
// instruction set.
//
// Two matrix products with the softmax between them. Scores: keys are transposed into panels of as
// many keys as a vector has lanes, so that a vector of scores is summed without adding across
// lanes. Values are read as they lie, lanes being columns. Both products keep kRows rows by
// kVectors vectors of sums in registers.
#pragma once

#include <algorithm>
#include <limits>
#include <utility>

#include "backend/cpu/kernels/attention_kernel.h"
#include "backend/cpu/kernels/cache_read.h"
#include "backend/cpu/kernels/vec_math.h"

namespace chitu::cpu {

template <class V>
class AttentionTemplates {
 public:
  static constexpr AttentionKernels table() { return {.attend = attend, .merge = merge}; }

 private:
  using F = typename V::F;
  static constexpr int kWidth = V::kWidth;
  static_assert(kKeyAlignment % kWidth == 0);
  static constexpr float kNone = -std::numeric_limits<float>::infinity();
  static constexpr float kLog2E = 1.44269504F;
  static constexpr int kRows = kWidth == 1 ? 2 : 6;
  static constexpr int kVectors = kWidth == 16 ? 4 : 2;

  // Rows [begin, end) and the keys [first, stop) that any of them sees.
  struct RowBlock {
    int begin = 0;
    int end = 0;
    int first = 0;
    int stop = 0;
  };

  static void attend(const AttentionChunk& chunk) {
    switch (chunk.dtype) {
      case DType::kF16:
        return attend_as<CacheF16<V>>(chunk);
      case DType::kBF16:
        return attend_as<CacheBF16<V>>(chunk);
      case DType::kQ8_0:
        return attend_as<CacheQ8_0<V>>(chunk);
      default:
        return attend_as<CacheF32<V>>(chunk);
    }
  }

  template <class Read>
  static void attend_as(const AttentionChunk& chunk) {
    pack_keys<Read>(chunk);
    for_row_blocks(chunk, [&](const RowBlock& block) {
      with_rows(block.end - block.begin, [&]<int kCount>() { score_rows<kCount>(chunk, block); });
      for (int r = block.begin; r < block.end; ++r) softmax_terms(chunk, r, block);
    });
    if (chunk.rows <= kRows) return weigh_rows<Read>(chunk, chunk.v);
    // Several blocks of rows read the values: convert them once.
    const std::byte* values[kChunkKeys];
    float* panel = value_panel(chunk);
    for (int key = 0; key < chunk.keys; ++key, panel += chunk.head_dim) {
      to_floats<Read>(chunk.v[key], panel, chunk.head_dim);
      values[key] = reinterpret_cast<const std::byte*>(panel);
    }
    weigh_rows<CacheF32<V>>(chunk, values);
  }

  static float* scores(const AttentionChunk& chunk, int row) {
    return chunk.scratch + row * kChunkKeys;
  }
  static float* key_panels(const AttentionChunk& chunk) {
    return chunk.scratch + kTileRows * kChunkKeys;
  }
  static float* value_panel(const AttentionChunk& chunk) {
    return key_panels(chunk) + kChunkKeys * chunk.head_dim;
  }

  // Blocks of at most kRows rows, as even as can be.
  template <class Body>
  static void for_row_blocks(const AttentionChunk& chunk, Body&& body) {
    const int blocks = (chunk.rows + kRows - 1) / kRows;
    for (int b = 0; b < blocks; ++b) {
      RowBlock block{.begin = chunk.rows * b / blocks, .end = chunk.rows * (b + 1) / blocks};
      block.first = *std::min_element(chunk.first + block.begin, chunk.first + block.end);
      block.stop = *std::max_element(chunk.end + block.begin, chunk.end + block.end);
      block.first = std::min(block.first, block.stop);
      body(block);
    }
  }

  // Calls body.operator()<count>(), 1 <= count <= kRows.
  template <class Body>
  static void with_rows(int count, Body&& body) {
    [&]<int... kLess>(std::integer_sequence<int, kLess...>) {
      (void)((count == kLess + 1 && (body.template operator()<kLess + 1>(), true)) || ...);
    }
    (std::make_integer_sequence<int, kRows>());
  }

  // Panel p holds keys [p * kWidth, (p + 1) * kWidth) as [head_dim, kWidth].
  template <class Read>
  static void pack_keys(const AttentionChunk& chunk) {
    const int64_t d = chunk.head_dim;
    float* panel = key_panels(chunk);
    for (int key = 0; key < chunk.keys; key += kWidth, panel += d * kWidth) {
      const std::byte* rows[kWidth];
      // Lanes past the last key repeat it; nothing reads their scores.
      for (int j = 0; j < kWidth; ++j) rows[j] = chunk.k[std::min(key + j, chunk.keys - 1)];
      int64_t i = 0;
      for (; i + kWidth <= d; i += kWidth) {
        F v[kWidth];
        for (int j = 0; j < kWidth; ++j) v[j] = Read::load(rows[j], i);
        V::transpose(v);
        for (int j = 0; j < kWidth; ++j) V::store(panel + (i + j) * kWidth, v[j]);
      }
      if (const int left = static_cast<int>(d - i); left > 0) {
        F v[kWidth];
        for (int j = 0; j < kWidth; ++j) v[j] = Read::load_n(rows[j], i, left);
        V::transpose(v);
        for (int j = 0; j < left; ++j) V::store(panel + (i + j) * kWidth, v[j]);
      }
    }
  }

  // Scores of the panels that the block's rows see, in units of ln 2 unless they are to be capped.
  template <int kCount>
  static void score_rows(const AttentionChunk& chunk, const RowBlock& block) {
    int panel = block.first / kWidth;
    const int stop = (block.stop + kWidth - 1) / kWidth;
    for (; panel + kVectors <= stop; panel += kVectors)
      score_panels<kCount, kVectors>(chunk, block.begin, panel);
    for (; panel < stop; ++panel) score_panels<kCount, 1>(chunk, block.begin, panel);
  }

  template <int kCount, int kPanels>
  static void score_panels(const AttentionChunk& chunk, int row, int panel) {
    const int64_t d = chunk.head_dim;
    const float* k = key_panels(chunk) + panel * d * kWidth;
    const float* const* q = chunk.q + row;
    F sums[kCount][kPanels];
    for (auto& vectors : sums) {
      for (F& sum : vectors) sum = V::set1(0.0F);
    }
    for (int64_t i = 0; i < d; ++i, k += kWidth) {
      F keys[kPanels];
      for (int p = 0; p < kPanels; ++p) keys[p] = V::load(k + p * d * kWidth);
      for (int r = 0; r < kCount; ++r) {
        const F x = V::set1(q[r][i]);
        for (int p = 0; p < kPanels; ++p) sums[r][p] = V::fma(x, keys[p], sums[r][p]);
      }
    }
    const F scale = V::set1(chunk.softcap > 0 ? chunk.scale : chunk.scale * kLog2E);
    for (int r = 0; r < kCount; ++r) {
      for (int p = 0; p < kPanels; ++p)
        V::store(scores(chunk, row + r) + (panel + p) * kWidth, V::mul(sums[r][p], scale));
    }
  }

  // Scores become 2^(score - largest), and 0 for keys that the row does not see.
  static void softmax_terms(const AttentionChunk& chunk, int r, const RowBlock& block) {
    float* s = scores(chunk, r);
    const int begin = block.first / kWidth * kWidth;
    const int stop = (block.stop + kWidth - 1) / kWidth * kWidth;
    if (chunk.softcap > 0) cap(chunk, s, begin, stop);
    std::fill(s + begin, s + std::max(begin, chunk.first[r]), kNone);
    std::fill(s + std::min(stop, chunk.end[r]), s + stop, kNone);
    F most = V::set1(kNone);
    for (int i = begin; i < stop; i += kWidth) most = V::max(V::load(s + i), most);
    const float largest = V::largest(most);
    const F top = V::set1(largest == kNone ? 0.0F : largest);
    F total = V::set1(0.0F);
    for (int i = begin; i < stop; i += kWidth) {
      const F term = cpu::exp2<V>(V::sub(V::load(s + i), top));
      V::store(s + i, term);
      total = V::add(total, term);
    }
    chunk.part.largest[r] = largest;
    chunk.part.total[r] = V::sum(total);
  }

  static void cap(const AttentionChunk& chunk, float* s, int begin, int stop) {
    const F inverse = V::set1(1.0F / chunk.softcap);
    const F factor = V::set1(chunk.softcap * kLog2E);
    for (int i = begin; i < stop; i += kWidth) {
      V::store(s + i, V::mul(cpu::tanh<V>(V::mul(V::load(s + i), inverse)), factor));
    }
  }

  template <class Read>
  static void to_floats(const std::byte* row, float* values, int64_t n) {
    int64_t i = 0;
    for (; i + kWidth <= n; i += kWidth) V::store(values + i, Read::load(row, i));
    if (const int left = static_cast<int>(n - i); left > 0)
      V::store_n(values + i, Read::load_n(row, i, left), left);
  }

  // sums[r] = sum over keys of scores[r] * v.
  template <class Read>
  static void weigh_rows(const AttentionChunk& chunk, const std::byte* const* values) {
    for_row_blocks(chunk, [&](const RowBlock& block) {
      with_rows(block.end - block.begin,
                [&]<int kCount>() { weigh<Read, kCount>(chunk, values, block); });
    });
  }

  template <class Read, int kCount>
  static void weigh(const AttentionChunk& chunk, const std::byte* const* values,
                    const RowBlock& block) {
    const int64_t d = chunk.head_dim;
    const auto load = [](const std::byte* row, int64_t i) { return Read::load(row, i); };
    const auto store = [](float* p, F x) { V::store(p, x); };
    int64_t i = 0;
    for (; i + kVectors * kWidth <= d; i += kVectors * kWidth)
      weigh_columns<kCount, kVectors>(chunk, values, block, i, load, store);
    for (; i + kWidth <= d; i += kWidth)
      weigh_columns<kCount, 1>(chunk, values, block, i, load, store);
    if (const int left = static_cast<int>(d - i); left > 0) {
      weigh_columns<kCount, 1>(
          chunk, values, block, i,
          [left](const std::byte* row, int64_t at) { return Read::load_n(row, at, left); },
          [left](float* p, F x) { V::store_n(p, x, left); });
    }
  }

  template <int kCount, int kColumns, class Load, class Store>
  static void weigh_columns(const AttentionChunk& chunk, const std::byte* const* values,
                            const RowBlock& block, int64_t column, Load&& load, Store&& store) {
    F sums[kCount][kColumns];
    for (auto& vectors : sums) {
      for (F& sum : vectors) sum = V::set1(0.0F);
    }
    const float* s = scores(chunk, block.begin);
    for (int key = block.first; key < block.stop; ++key) {
      F v[kColumns];
      for (int i = 0; i < kColumns; ++i) v[i] = load(values[key], column + i * kWidth);
      for (int r = 0; r < kCount; ++r) {
        const F weight = V::set1(s[r * kChunkKeys + key]);
        for (int i = 0; i < kColumns; ++i) sums[r][i] = V::fma(weight, v[i], sums[r][i]);
      }
    }
    for (int r = 0; r < kCount; ++r) {
      float* out = chunk.part.sums + (block.begin + r) * chunk.head_dim + column;
      for (int i = 0; i < kColumns; ++i) store(out + i * kWidth, sums[r][i]);
    }
  }

  static void merge(const AttentionPart& part, const AttentionPart& into, int rows,
                    int64_t head_dim) {
    for (int r = 0; r < rows; ++r) {
      if (part.largest[r] == kNone) continue;
      const float largest = std::max(part.largest[r], into.largest[r]);
      const F a = cpu::exp2<V>(V::set1(into.largest[r] - largest));
      const F b = cpu::exp2<V>(V::set1(part.largest[r] - largest));
      into.largest[r] = largest;
      const F total = V::fma(V::set1(part.total[r]), b, V::mul(V::set1(into.total[r]), a));
      into.total[r] = V::largest(total);
      const float* from = part.sums + r * head_dim;
      float* to = into.sums + r * head_dim;
      for_lanes<V>(head_dim, [&](int64_t i, auto load, auto store) {
        store(to + i, V::fma(load(from + i), b, V::mul(load(to + i), a)));
      });
    }
  }
};

}  // namespace chitu::cpu
