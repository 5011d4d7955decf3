// Copies that fill up, and weights and biases in another type.
#include "backend/cuda/dispatch.h"
#include "backend/cuda/kernels/linear/decode_piece.cuh"
#include "backend/cuda/kernels/linear/linear_kernel.h"
#include "base/check.h"
#include "base/round_up.h"

namespace chitu::cuda {
namespace {

constexpr int kThreads = 256;

unsigned blocks(int64_t threads) { return static_cast<unsigned>(div_up(threads, kThreads)); }

__device__ int64_t thread_index() {
  return int64_t{blockIdx.x} * kThreads + static_cast<int64_t>(threadIdx.x);
}

// One thread a value of y.
template <class T>
__global__ void pad_rows_kernel(const T* x, int64_t x_stride, int64_t rows, int64_t cols, T* y,
                                int64_t y_stride) {
  const int64_t i = thread_index();
  const int64_t row = i / y_stride;
  const int64_t col = i % y_stride;
  if (row < rows) y[i] = col < cols ? x[row * x_stride + col] : from_float<T>(0.0F);
}

// One thread a piece of weights.
template <class W, class T>
__global__ void unpack_kernel(const __grid_constant__ LinearCall call, T* unpacked) {
  constexpr int kValues = kPieceValues<W>;
  const int64_t pieces = (call.cols + kValues - 1) / kValues;
  const int64_t i = thread_index();
  const int64_t row = i / pieces;
  const int64_t col = i % pieces * kValues;
  if (row >= call.rows) return;
  float values[kValues];
  decode_piece<W>(
      load_once(call.values + row * call.stride + col * static_cast<int64_t>(sizeof(W))), values);
  if constexpr (sizeof(W) == 1) {
    const float scale = call.scales[row * call.groups + col / kGroupCols];
#pragma unroll
    for (int j = 0; j < kValues; ++j) values[j] *= scale;
  }
#pragma unroll
  for (int part = 0; part < kValues; part += kPackSize<T>) {
    float some[kPackSize<T>];
#pragma unroll
    for (int j = 0; j < kPackSize<T>; ++j) some[j] = values[part + j];
    store<kPackSize<T>>(unpacked + row * call.cols + col + part, some);
  }
}

template <class T>
__global__ void convert_floats_kernel(const float* from, int64_t n, T* to) {
  const int64_t i = thread_index();
  if (i < n) to[i] = from_float<T>(from[i]);
}

template <class W, class T>
void unpack(const LinearCall& call, void* unpacked, cudaStream_t stream) {
  const int64_t pieces = div_up(call.cols, kPieceValues<W>);
  unpack_kernel<W, T>
      <<<blocks(call.rows * pieces), kThreads, 0, stream>>>(call, static_cast<T*>(unpacked));
}

}  // namespace

void launch_pad_rows(DType dtype, const void* x, int64_t x_stride, int64_t rows, int64_t cols,
                     void* y, int64_t y_stride, cudaStream_t stream) {
  dispatch_float(dtype, [&]<class T>() {
    pad_rows_kernel<T><<<blocks(rows * y_stride), kThreads, 0, stream>>>(
        static_cast<const T*>(x), x_stride, rows, cols, static_cast<T*>(y), y_stride);
  });
}

void launch_unpack_weights(DType from, const LinearCall& call, DType to, void* unpacked,
                           cudaStream_t stream) {
  if (from == DType::kF8_G128) {
    return dispatch_float(to, [&]<class T>() { unpack<E4m3, T>(call, unpacked, stream); });
  }
  CHECK(to == DType::kF32);  // floats are kept in the activations' type otherwise
  if (from == DType::kF16) return unpack<__half, float>(call, unpacked, stream);
  CHECK(from == DType::kBF16);
  unpack<__nv_bfloat16, float>(call, unpacked, stream);
}

void launch_convert_floats(const float* from, int64_t n, DType to, void* converted,
                           cudaStream_t stream) {
  dispatch_float(to, [&]<class T>() {
    convert_floats_kernel<T>
        <<<blocks(n), kThreads, 0, stream>>>(from, n, static_cast<T*>(converted));
  });
}

}  // namespace chitu::cuda
