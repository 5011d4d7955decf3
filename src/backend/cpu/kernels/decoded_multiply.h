// The product of quantized weights, row-major as in the checkpoint, and float activations, written
// once over a vector type V; included by one source file an instruction set. Rows are decoded into
// scratch, a panel at a time, and serve all tokens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "backend/cpu/kernels/linear_kernel.h"

namespace chitu::cpu {

// Up to kPanelRows decoded rows.
inline constexpr int kPanelRows = 8;

struct Panel {
  const float* row[kPanelRows];  // rows past the last repeat it
  int64_t first = 0;
  int64_t count = 0;  // rows that are wanted
};

template <class V>
struct PanelMultiply {
  using F = typename V::F;

  // Rows [kFirst, kFirst + kRows) of the panel by kTokens tokens, all sums in registers.
  template <int kFirst, int kRows, int kTokens>
  static void tile(const LinearCall& call, const Panel& panel, int64_t token) {
    F sums[kRows][kTokens];
    for (auto& row : sums) {
      for (F& sum : row) sum = V::set1(0.0F);
    }
    const auto add = [&](int64_t k, auto load) {
      F xs[kTokens];
      for (int t = 0; t < kTokens; ++t) xs[t] = load(call.floats.row(token + t) + k);
      for (int r = 0; r < kRows; ++r) {
        const F w = load(panel.row[kFirst + r] + k);
        for (int t = 0; t < kTokens; ++t) sums[r][t] = V::fma(w, xs[t], sums[r][t]);
      }
    };
    int64_t k = 0;
    for (; k + V::kWidth <= call.cols; k += V::kWidth) {
      add(k, [](const float* p) { return V::load(p); });
    }
    if (const int left = static_cast<int>(call.cols - k); left > 0) {
      add(k, [left](const float* p) { return V::load_n(p, left); });
    }
    for (int r = 0; r < kRows && kFirst + r < panel.count; ++r) {
      const int64_t row = panel.first + kFirst + r;
      const float bias = call.bias != nullptr ? call.bias[row] : 0.0F;
      for (int t = 0; t < kTokens; ++t) {
        call.y[(token + t) * call.y_stride + row] = V::sum(sums[r][t]) + bias;
      }
    }
  }

  static void all_tokens(const LinearCall& call, const Panel& panel) {
    constexpr int kTokens = V::kWidth == 16 ? 4 : 2;
    int64_t token = 0;
    for (; token + kTokens <= call.tokens; token += kTokens) {
      tile<0, 4, kTokens>(call, panel, token);
      tile<4, 4, kTokens>(call, panel, token);
    }
    for (; token < call.tokens; ++token) tile<0, 8, 1>(call, panel, token);
  }
};

template <class V, class Block>
void multiply_decoded(const LinearCall& call, int64_t begin, int64_t end) {
  const int64_t blocks = call.cols / Block::kElements;
  for (int64_t first = begin; first < end; first += kPanelRows) {
    const int64_t last = std::min<int64_t>(end, first + kPanelRows);
    for (int64_t i = first * blocks; i < last * blocks; ++i) {
      Block block;
      std::memcpy(&block, call.weights + i * static_cast<int64_t>(sizeof(Block)), sizeof(Block));
      decode_block(block, call.scratch + (i - first * blocks) * Block::kElements);
    }
    Panel panel{.row = {}, .first = first, .count = last - first};
    for (int r = 0; r < kPanelRows; ++r)
      panel.row[r] = call.scratch + std::min<int64_t>(r, panel.count - 1) * call.cols;
    PanelMultiply<V>::all_tokens(call, panel);
  }
}

}  // namespace chitu::cpu
