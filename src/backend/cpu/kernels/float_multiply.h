// The product of weights in any format, row-major as in the checkpoint, and float activations,
// written once over a vector type V; included by one source file an instruction set.
//
// F32, F16 and BF16 rows are read as they are; rows of quantized formats are decoded into scratch,
// a panel at a time, and serve all tokens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "backend/cpu/kernels/linear_kernel.h"
#include "backend/cpu/kernels/read.h"
#include "tensor/format/q2_k.h"
#include "tensor/format/q3_k.h"
#include "tensor/format/q4_0.h"
#include "tensor/format/q4_1.h"
#include "tensor/format/q4_k.h"
#include "tensor/format/q5_0.h"
#include "tensor/format/q5_1.h"
#include "tensor/format/q5_k.h"
#include "tensor/format/q6_k.h"
#include "tensor/format/q8_0.h"

namespace chitu::cpu {

// Up to kPanelRows rows of weights as the reader's elements.
inline constexpr int kPanelRows = kMaxScratchRows;

template <class Element>
struct Panel {
  const Element* row[kPanelRows];  // rows past the last repeat it
  int64_t first = 0;
  int64_t count = 0;  // rows that are wanted
};

template <class V, class Read>
struct PanelMultiply {
  using F = typename V::F;

  // Rows [kFirst, kFirst + kRows) of the panel by kTokens tokens, all sums in registers.
  template <int kFirst, int kRows, int kTokens>
  static void tile(const LinearCall& call, const Panel<typename Read::Element>& panel,
                   int64_t token) {
    F sums[kRows][kTokens];
    for (auto& row : sums) {
      for (F& sum : row) sum = V::set1(0.0F);
    }
    const float* x = call.x + token * call.x_stride;
    const auto add = [&](int64_t k, auto load_w, auto load_x) {
      F xs[kTokens];
      for (int t = 0; t < kTokens; ++t) xs[t] = load_x(x + t * call.x_stride + k);
      for (int r = 0; r < kRows; ++r) {
        const F w = load_w(panel.row[kFirst + r] + k);
        for (int t = 0; t < kTokens; ++t) sums[r][t] = V::fma(w, xs[t], sums[r][t]);
      }
    };
    int64_t k = 0;
    for (; k + V::kWidth <= call.cols; k += V::kWidth) {
      add(
          k, [](auto* p) { return Read::load(p); }, [](auto* p) { return V::load(p); });
    }
    if (const int left = static_cast<int>(call.cols - k); left > 0) {
      add(
          k, [left](auto* p) { return Read::load_n(p, left); },
          [left](auto* p) { return V::load_n(p, left); });
    }
    for (int r = 0; r < kRows && kFirst + r < panel.count; ++r) {
      const int64_t row = panel.first + kFirst + r;
      const float bias = call.bias != nullptr ? call.bias[row] : 0.0F;
      for (int t = 0; t < kTokens; ++t) {
        call.y[(token + t) * call.y_stride + row] = V::sum(sums[r][t]) + bias;
      }
    }
  }

  static void all_tokens(const LinearCall& call, const Panel<typename Read::Element>& panel) {
    constexpr int kTokens = V::kWidth == 16 ? 4 : 2;
    int64_t token = 0;
    for (; token + kTokens <= call.tokens; token += kTokens) {
      tile<0, 4, kTokens>(call, panel, token);
      tile<4, 4, kTokens>(call, panel, token);
    }
    for (; token < call.tokens; ++token) tile<0, 8, 1>(call, panel, token);
  }
};

// Calls f(panel) for the panels of rows [begin, end); row(r) is where a row lies.
template <class Element, class Row, class F>
inline void for_each_panel(int64_t begin, int64_t end, Row&& row, F&& f) {
  for (int64_t first = begin; first < end; first += kPanelRows) {
    Panel<Element> panel{
        .row = {}, .first = first, .count = std::min<int64_t>(kPanelRows, end - first)};
    for (int r = 0; r < kPanelRows; ++r)
      panel.row[r] = row(first + std::min<int64_t>(r, panel.count - 1));
    f(panel);
  }
}

template <class V, class Read>
void multiply_plain(const LinearCall& call, int64_t begin, int64_t end) {
  using Element = typename Read::Element;
  const auto* weights = reinterpret_cast<const Element*>(call.weights);
  for_each_panel<Element>(
      begin, end, [&](int64_t r) { return weights + r * call.cols; },
      [&](const auto& panel) { PanelMultiply<V, Read>::all_tokens(call, panel); });
}

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
    for_each_panel<float>(
        first, last, [&](int64_t r) { return call.scratch + (r - first) * call.cols; },
        [&](const auto& panel) { PanelMultiply<V, ReadF32<V>>::all_tokens(call, panel); });
  }
}

template <Isa kIsa>
constexpr LinearKernel float_kernel(DType format, Multiply multiply, int scratch_rows = 0) {
  return {.format = format,
          .isa = kIsa,
          .arithmetic = Arithmetic::kFloat32,
          .layout = LayoutKind::kRowMajor,
          .panel = 0,
          .scratch_rows = scratch_rows,
          .multiply = multiply};
}

template <class V, Isa kIsa>
inline constexpr LinearKernel kFloatKernels[] = {
    float_kernel<kIsa>(DType::kF32, multiply_plain<V, ReadF32<V>>),
    float_kernel<kIsa>(DType::kF16, multiply_plain<V, ReadF16<V>>),
    float_kernel<kIsa>(DType::kBF16, multiply_plain<V, ReadBF16<V>>),
    float_kernel<kIsa>(DType::kQ8_0, multiply_decoded<V, BlockQ8_0>, kPanelRows),
    float_kernel<kIsa>(DType::kQ4_0, multiply_decoded<V, BlockQ4_0>, kPanelRows),
    float_kernel<kIsa>(DType::kQ4_1, multiply_decoded<V, BlockQ4_1>, kPanelRows),
    float_kernel<kIsa>(DType::kQ5_0, multiply_decoded<V, BlockQ5_0>, kPanelRows),
    float_kernel<kIsa>(DType::kQ5_1, multiply_decoded<V, BlockQ5_1>, kPanelRows),
    float_kernel<kIsa>(DType::kQ2_K, multiply_decoded<V, BlockQ2_K>, kPanelRows),
    float_kernel<kIsa>(DType::kQ3_K, multiply_decoded<V, BlockQ3_K>, kPanelRows),
    float_kernel<kIsa>(DType::kQ4_K, multiply_decoded<V, BlockQ4_K>, kPanelRows),
    float_kernel<kIsa>(DType::kQ5_K, multiply_decoded<V, BlockQ5_K>, kPanelRows),
    float_kernel<kIsa>(DType::kQ6_K, multiply_decoded<V, BlockQ6_K>, kPanelRows),
};

}  // namespace chitu::cpu
