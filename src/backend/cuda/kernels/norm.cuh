// Norms of rows, alone and with the residual's addition: one block a row.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels/device.cuh"
#include "backend/cuda/kernels/rows.cuh"

namespace chitu::cuda {

// Packs that a thread keeps in registers between the two passes over its row; longer rows are read
// twice.
inline constexpr int kKeptPacks = 4;
inline constexpr int kMaxNormThreads = 1024;

// A row before it is normed: x itself, or residual + x, which becomes the new residual. Sums are
// taken of what the residual holds afterwards, rounded as it is: the next reader sees the same.
template <class X, class R, int kSize>
__device__ __forceinline__ void load_row(const X* x, R* residual, int64_t i,
                                         float (&values)[kSize]) {
  load<kSize>(x + i, values);
  if (residual == nullptr) return;
  float before[kSize];
  load<kSize>(residual + i, before);
#pragma unroll
  for (int j = 0; j < kSize; ++j) values[j] = to_float(from_float<R>(before[j] + values[j]));
  store<kSize>(residual + i, values);
}

// y = x / sqrt(mean(x^2) + eps) * weight of each row, kSize values at once. With a residual, x is
// added to it first. y may be x.
template <class X, class R, class Y, int kSize>
__global__ void __launch_bounds__(kMaxNormThreads)
    norm_kernel(Rows<const X> x, Rows<R> residuals, const float* weight, float eps, Rows<Y> y,
                int64_t dim) {
  __shared__ float sums[kWarp];
  const int64_t r = blockIdx.x;
  const X* from = x.row(r);
  R* residual = residuals.data == nullptr ? nullptr : residuals.row(r);
  Y* to = y.row(r);
  const int64_t first = static_cast<int64_t>(threadIdx.x) * kSize;
  const int64_t step = static_cast<int64_t>(blockDim.x) * kSize;

  float kept[kKeptPacks][kSize];
  float squares = 0.0F;
  const auto add = [&](const float(&values)[kSize]) {
#pragma unroll
    for (int j = 0; j < kSize; ++j) squares += values[j] * values[j];
  };
#pragma unroll
  for (int p = 0; p < kKeptPacks; ++p) {
    if (first + p * step >= dim) break;
    load_row<X, R, kSize>(from, residual, first + p * step, kept[p]);
    add(kept[p]);
  }
  for (int64_t i = first + kKeptPacks * step; i < dim; i += step) {
    float values[kSize];
    load_row<X, R, kSize>(from, residual, i, values);
    add(values);
  }

  const float scale = 1.0F / sqrtf(block_sum(squares, sums) / static_cast<float>(dim) + eps);
  const auto finish = [&](int64_t i, float(&values)[kSize]) {
    float weights[kSize];
    load<kSize>(weight + i, weights);
#pragma unroll
    for (int j = 0; j < kSize; ++j) values[j] = values[j] * scale * weights[j];
    store<kSize>(to + i, values);
  };
#pragma unroll
  for (int p = 0; p < kKeptPacks; ++p) {
    if (first + p * step >= dim) break;
    finish(first + p * step, kept[p]);
  }
  for (int64_t i = first + kKeptPacks * step; i < dim; i += step) {
    float values[kSize];
    if (residual == nullptr) {
      load<kSize>(from + i, values);
    } else {
      load<kSize>(residual + i, values);
    }
    finish(i, values);
  }
}

}  // namespace chitu::cuda
