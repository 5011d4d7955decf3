// What a matrix kernel is given: the weights of one segment and the activations of some tokens.
// Plain C++, for linear.cc and linear_table.cc.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/dtype.h"

namespace chitu::cuda {

// y[t, row] = sum over k of w[row, k] * x[t, k] + bias[row]
struct LinearCall {
  // [tokens, cols] in the activations' type, rows x_stride elements apart and aligned to 16 bytes.
  const void* x = nullptr;
  int64_t x_stride = 0;
  int64_t tokens = 0;
  int64_t cols = 0;  // a multiple of kColumnUnit: the weights' columns of zeros count
  // As weight_layout.h has them.
  const std::byte* values = nullptr;
  int64_t stride = 0;             // in bytes
  const float* scales = nullptr;  // [rows, groups]
  int64_t groups = 0;
  int64_t rows = 0;
  const float* bias = nullptr;  // [rows], optional
  // [tokens, rows], rows y_stride elements apart, in F32 or the activations' type. Any alignment.
  void* y = nullptr;
  int64_t y_stride = 0;
  bool y_is_f32 = false;
};

// One way to multiply. Each computes a token's sums in an order that depends on the weight's shape
// alone: what else is in the batch does not change a bit, as long as the same kernel serves.
struct LinearKernel {
  std::string_view name;
  DType activations = DType::kF32;
  DType weights = DType::kF32;  // stored_format()
  int min_sm = 0;
  // Of how many tokens on cuBLASLt is taken instead, on weights that it reads as they are or that
  // are unpacked for it, unless the result may not depend on the batch.
  int64_t max_tokens = 0;
  void (*launch)(const LinearCall& call, cudaStream_t stream) = nullptr;
};

// kernels/linear/plain_*.cu: one warp a row, fused multiply-adds in float, for any chip.
std::span<const LinearKernel> plain_kernels_f32();
std::span<const LinearKernel> plain_kernels_f16();
std::span<const LinearKernel> plain_kernels_bf16();

// kernels/linear/skinny_*.cu: few tokens on the matrix units, weights read once at memory speed.
std::span<const LinearKernel> skinny_kernels_f16();
std::span<const LinearKernel> skinny_kernels_bf16();
std::span<const LinearKernel> skinny_kernels_f16_f8();
std::span<const LinearKernel> skinny_kernels_bf16_f8();

// kernels/linear/convert.cu: what cuBLASLt, or an unaligned view, needs beforehand.

// Rows of `x`, `cols` of `dtype` each, to rows of `y`, y_stride elements apart and filled up with
// zeros.
void launch_pad_rows(DType dtype, const void* x, int64_t x_stride, int64_t rows, int64_t cols,
                     void* y, int64_t y_stride, cudaStream_t stream);

// The call's weights, in `from`, as [call.rows, call.cols] values of `to`.
void launch_unpack_weights(DType from, const LinearCall& call, DType to, void* unpacked,
                           cudaStream_t stream);

// n floats to `to`.
void launch_convert_floats(const float* from, int64_t n, DType to, void* converted,
                           cudaStream_t stream);

}  // namespace chitu::cuda
