// The attention kernels, written once over a vector type V; included by one source file an
// instruction set.
//
// Two matrix products with the softmax between them. Of keys, which lie in panels, a vector's lanes
// are different keys, so that scores are summed without adding across lanes; of values, lanes are
// columns. Both products keep kRows rows by kVectors vectors of sums in registers.
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
  static_assert(kPanelKeys % kWidth == 0);
  static constexpr float kNone = -std::numeric_limits<float>::infinity();
  static constexpr float kLog2E = 1.44269504F;
  static constexpr int kRows = kWidth == 1 ? 2 : 6;
  static constexpr int kVectors = kWidth == 16 ? 4 : 2;
  static constexpr int kPanelVectors = kPanelKeys / kWidth;
  static constexpr int kPanels = kVectors > kPanelVectors ? kVectors / kPanelVectors : 1;
  using KeysF32 = KeysPlain<V, float, &V::load>;
  using ValuesF32 = ValuesPlain<V, float, &V::load>;

  // Rows [begin, end) and the keys [first, stop) that any of them sees.
  struct RowBlock {
    int begin = 0;
    int end = 0;
    int first = 0;
    int stop = 0;
  };

  static void attend(const AttentionChunk& chunk) {
    with_cache_format<V>(chunk.dtype,
                         [&]<class Keys, class Values>() { attend_as<Keys, Values>(chunk); });
  }

  template <class Keys, class Values>
  static void attend_as(const AttentionChunk& chunk) {
    if (chunk.rows <= 3 * kRows) {
      // A few queries wait for memory more than they compute: while keys are read, values are
      // fetched into the cache, and while those are, the next keys.
      score_rows<Keys, true>(chunk, chunk.k);
      weigh_rows<Values, true>(chunk, chunk.v);
      return;
    }
    // Several blocks of rows read the keys and values: convert them once.
    const std::byte* keys[kChunkPanels];
    unpack_keys<Keys>(chunk, keys);
    score_rows<KeysF32, false>(chunk, keys);
    const std::byte* values[kChunkKeys];
    unpack_values<Values>(chunk, values);
    weigh_rows<ValuesF32, false>(chunk, values);
  }

  static void fetch(const std::byte* memory, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(memory + i, 0, 2);
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

  template <class Keys>
  static void unpack_keys(const AttentionChunk& chunk, const std::byte** keys) {
    float* to = key_panels(chunk);
    for (int p = 0; p * kPanelKeys < chunk.keys; ++p) {
      keys[p] = reinterpret_cast<const std::byte*>(to);
      for (int64_t begin = 0; begin < chunk.head_dim; begin += Keys::kDims) {
        const auto piece = Keys::piece(chunk.k[p], begin);
        const int64_t dims = std::min(Keys::kDims, chunk.head_dim - begin);
        for (int64_t i = 0; i < dims; ++i, to += kPanelKeys) {
          for (int v = 0; v < kPanelVectors; ++v) V::store(to + v * kWidth, piece.load(i, v));
        }
      }
    }
  }

  template <class Keys, bool kFetch>
  static void score_rows(const AttentionChunk& chunk, const std::byte* const* keys) {
    for_row_blocks(chunk, [&](const RowBlock& block) {
      with_rows(block.end - block.begin,
                [&]<int kCount>() { score_block<Keys, kFetch, kCount>(chunk, keys, block); });
      for (int r = block.begin; r < block.end; ++r) softmax_terms(chunk, r, block);
    });
  }

  // Scores of the panels that the block's rows see.
  template <class Keys, bool kFetch, int kCount>
  static void score_block(const AttentionChunk& chunk, const std::byte* const* keys,
                          const RowBlock& block) {
    int panel = block.first / kPanelKeys;
    const int stop = (block.stop + kPanelKeys - 1) / kPanelKeys;
    for (; panel + kPanels <= stop; panel += kPanels)
      score_panels<Keys, kFetch, kCount, kPanels>(chunk, keys, block.begin, panel);
    if constexpr (kPanels > 1) {
      for (; panel < stop; ++panel)
        score_panels<Keys, kFetch, kCount, 1>(chunk, keys, block.begin, panel);
    }
  }

  // In units of ln 2, unless they are to be capped.
  template <class Keys, bool kFetch, int kCount, int kPanelCount>
  static void score_panels(const AttentionChunk& chunk, const std::byte* const* keys, int row,
                           int panel) {
    constexpr int kSums = kPanelCount * kPanelVectors;
    const float* const* q = chunk.q + row;
    F sums[kCount][kSums];
    for (auto& vectors : sums) {
      for (F& sum : vectors) sum = V::set1(0.0F);
    }
    for (int64_t begin = 0; begin < chunk.head_dim; begin += Keys::kDims) {
      typename Keys::Piece pieces[kPanelCount];
      for (int p = 0; p < kPanelCount; ++p) pieces[p] = Keys::piece(keys[panel + p], begin);
      const int64_t dims = std::min(Keys::kDims, chunk.head_dim - begin);
      for (int64_t i = 0; i < dims; ++i) {
        if constexpr (kFetch) {
          const int64_t key = panel * kPanelKeys + begin + i;
          if (begin + i < kPanelCount * kPanelKeys && key < chunk.keys)
            fetch(chunk.v[key], Keys::bytes(chunk.head_dim));
        }
        F k[kSums];
        for (int s = 0; s < kSums; ++s) k[s] = pieces[s / kPanelVectors].load(i, s % kPanelVectors);
        for (int r = 0; r < kCount; ++r) {
          const F x = V::set1(q[r][begin + i]);
          for (int s = 0; s < kSums; ++s) sums[r][s] = V::fma(x, k[s], sums[r][s]);
        }
      }
    }
    const F scale = V::set1(chunk.softcap > 0 ? chunk.scale : chunk.scale * kLog2E);
    for (int r = 0; r < kCount; ++r) {
      float* to = scores(chunk, row + r) + panel * kPanelKeys;
      for (int s = 0; s < kSums; ++s) V::store(to + s * kWidth, V::mul(sums[r][s], scale));
    }
  }

  // Scores become 2^(score - largest), and 0 for keys that the row does not see.
  static void softmax_terms(const AttentionChunk& chunk, int r, const RowBlock& block) {
    float* s = scores(chunk, r);
    const int begin = block.first / kPanelKeys * kPanelKeys;
    const int stop = (block.stop + kPanelKeys - 1) / kPanelKeys * kPanelKeys;
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

  template <class Values>
  static void unpack_values(const AttentionChunk& chunk, const std::byte** values) {
    const int64_t d = chunk.head_dim;
    float* to = value_panel(chunk);
    for (int key = 0; key < chunk.keys; ++key, to += d) {
      values[key] = reinterpret_cast<const std::byte*>(to);
      const std::byte* row = chunk.v[key];
      int64_t i = 0;
      for (; i + kWidth <= d; i += kWidth) V::store(to + i, Values::load(row, i));
      if (const int left = static_cast<int>(d - i); left > 0)
        V::store_n(to + i, Values::load_n(row, i, left), left);
    }
  }

  // sums[r] = sum over keys of scores[r] * v.
  template <class Values, bool kFetch>
  static void weigh_rows(const AttentionChunk& chunk, const std::byte* const* values) {
    for_row_blocks(chunk, [&](const RowBlock& block) {
      with_rows(block.end - block.begin,
                [&]<int kCount>() { weigh<Values, kFetch, kCount>(chunk, values, block); });
      if (sees_the_same(chunk, block) || is_finite(chunk, block)) return;
      // What a row does not see has weight 0, which does not hide infinity and NaN.
      for (int r = block.begin; r < block.end; ++r) {
        weigh<Values, false, 1>(
            chunk, values,
            {.begin = r, .end = r + 1, .first = chunk.first[r], .stop = chunk.end[r]});
      }
    });
  }

  static bool sees_the_same(const AttentionChunk& chunk, const RowBlock& block) {
    for (int r = block.begin; r < block.end; ++r) {
      if (chunk.first[r] != block.first || chunk.end[r] != block.stop) return false;
    }
    return true;
  }

  // Whether the sums of a block's rows are.
  static bool is_finite(const AttentionChunk& chunk, const RowBlock& block) {
    const float* sums = chunk.part.sums + block.begin * chunk.head_dim;
    F poison = V::set1(0.0F);
    for_lanes<V>((block.end - block.begin) * chunk.head_dim, [&](int64_t i, auto load, auto) {
      poison = V::fma(load(sums + i), V::set1(0.0F), poison);
    });
    return V::sum(poison) == 0.0F;
  }

  template <class Values, bool kFetch, int kCount>
  static void weigh(const AttentionChunk& chunk, const std::byte* const* values,
                    const RowBlock& block) {
    const int64_t d = chunk.head_dim;
    const auto load = [](const std::byte* row, int64_t i) { return Values::load(row, i); };
    const auto store = [](float* p, F x) { V::store(p, x); };
    int64_t i = 0;
    for (; i + kVectors * kWidth <= d; i += kVectors * kWidth)
      weigh_columns<Values, kFetch, kCount, kVectors>(chunk, values, block, i, load, store);
    for (; i + kWidth <= d; i += kWidth)
      weigh_columns<Values, kFetch, kCount, 1>(chunk, values, block, i, load, store);
    if (const int left = static_cast<int>(d - i); left > 0) {
      weigh_columns<Values, kFetch, kCount, 1>(
          chunk, values, block, i,
          [left](const std::byte* row, int64_t at) { return Values::load_n(row, at, left); },
          [left](float* p, F x) { V::store_n(p, x, left); });
    }
  }

  template <class Values, bool kFetch, int kCount, int kColumns, class Load, class Store>
  static void weigh_columns(const AttentionChunk& chunk, const std::byte* const* values,
                            const RowBlock& block, int64_t column, Load&& load, Store&& store) {
    F sums[kCount][kColumns];
    for (auto& vectors : sums) {
      for (F& sum : vectors) sum = V::set1(0.0F);
    }
    const float* s = scores(chunk, block.begin);
    for (int key = block.first; key < block.stop; ++key) {
      if (kFetch && column == 0 && key / kPanelKeys < chunk.next_panels) {
        const int64_t bytes = Values::bytes(chunk.head_dim);
        fetch(chunk.next_k[key / kPanelKeys] + key % kPanelKeys * bytes, bytes);
      }
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
      if (part.total[r] == 0.0F) continue;
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
