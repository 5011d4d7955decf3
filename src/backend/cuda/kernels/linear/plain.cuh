// The kernel that runs everywhere and multiplies anything: one warp a row of the weight, a lane
// every 32nd piece of 16 bytes, sums in float. With activations in float it is what
// `infer.dtype=float32` decodes with, so it too reads the weights at memory speed for a token or a
// few.
#pragma once

#include <algorithm>
#include <array>

#include "backend/cuda/kernels/linear/decode_piece.cuh"
#include "backend/cuda/kernels/linear/linear_kernel.h"
#include "base/check.h"
#include "base/round_up.h"

namespace chitu::cuda {

inline constexpr int kPlainWarps = 8;

// The grid's x counts tiles of tokens, and so the blocks that share weights run together.
template <class T, class W, int kTokens>
__global__ void __launch_bounds__(kPlainWarps* kWarp)
    plain_kernel(const __grid_constant__ LinearCall call) {
  constexpr int kValues = kPieceValues<W>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t row = int64_t{blockIdx.y} * kPlainWarps + threadIdx.x / kWarp;
  if (row >= call.rows) return;
  const std::byte* weights = call.values + row * call.stride;
  const int64_t first = int64_t{blockIdx.x} * kTokens;
  const T* x[kTokens];
#pragma unroll
  for (int t = 0; t < kTokens; ++t) {
    // Beyond the last token the last once more.
    x[t] = static_cast<const T*>(call.x) + min(first + t, call.tokens - 1) * call.x_stride;
  }

  float sums[kTokens] = {};
#pragma unroll(kTokens == 1 ? 4 : 1)
  for (int64_t col = lane * kValues; col < call.cols; col += kWarp * kValues) {
    float w[kValues];
    decode_piece<W>(load_once(weights + col * static_cast<int64_t>(sizeof(W))), w);
    if constexpr (sizeof(W) == 1) {
      const float scale = call.scales[row * call.groups + col / kGroupCols];
#pragma unroll
      for (int i = 0; i < kValues; ++i) w[i] *= scale;
    }
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
#pragma unroll
      for (int part = 0; part < kValues; part += kPackSize<T>) {
        constexpr int kPart = kPackSize<T> < kValues ? kPackSize<T> : kValues;
        float values[kPart];
        load<kPart>(x[t] + col + part, values);
#pragma unroll
        for (int i = 0; i < kPart; ++i) sums[t] = fmaf(w[part + i], values[i], sums[t]);
      }
    }
  }

  const float bias = call.bias != nullptr ? call.bias[row] : 0.0F;
#pragma unroll
  for (int t = 0; t < kTokens; ++t) {
    const float sum = warp_sum(sums[t]) + bias;
    if (lane != 0 || first + t >= call.tokens) continue;
    const int64_t at = (first + t) * call.y_stride + row;
    if (call.y_is_f32) {
      static_cast<float*>(call.y)[at] = sum;
    } else {
      static_cast<T*>(call.y)[at] = from_float<T>(sum);
    }
  }
}

template <class T, class W>
void launch_plain(const LinearCall& call, cudaStream_t stream) {
  const auto launch = [&]<int kTokens>() {
    const dim3 grid(static_cast<unsigned>(div_up(call.tokens, kTokens)),
                    static_cast<unsigned>(div_up(call.rows, kPlainWarps)));
    plain_kernel<T, W, kTokens><<<grid, kPlainWarps * kWarp, 0, stream>>>(call);
  };
  if (call.tokens == 1) return launch.template operator()<1>();
  if (call.tokens <= 4) return launch.template operator()<4>();
  launch.template operator()<8>();
}

}  // namespace chitu::cuda
