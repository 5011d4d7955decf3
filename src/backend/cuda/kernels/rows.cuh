// Rows of matrices as kernels see them, and how their elements are spread over threads.
#pragma once

#include <cstdint>

#include "backend/cuda/context.h"
#include "backend/cuda/kernels/device.cuh"
#include "base/check.h"
#include "base/round_up.h"
#include "tensor/tensor_ref.h"

namespace chitu::cuda {

// A matrix by value, as a kernel's argument.
template <class T>
struct Rows {
  T* data = nullptr;
  int64_t stride = 0;  // in elements

  __device__ T* row(int64_t r) const { return data + r * stride; }
};

template <class T>
Rows<T> rows_of(const TensorRef& x) {
  return {static_cast<T*>(x.data), x.row_stride};
}

// Whether every row of x begins, and its `cols` values end, at a multiple of `bytes`.
inline bool is_aligned(const TensorRef& x, int64_t bytes = 16) {
  const int64_t size = info(x.dtype).block_bytes;
  return reinterpret_cast<std::uintptr_t>(x.data) % static_cast<std::uintptr_t>(bytes) == 0 &&
         x.cols() * size % bytes == 0 && (x.rows() <= 1 || x.row_stride * size % bytes == 0);
}

// Elements of a matrix in packs of kSize, each row on blocks of its own.
struct Grid {
  static constexpr int kThreads = 256;

  int64_t rows = 0;
  uint32_t packs = 0;   // of a row
  uint32_t blocks = 0;  // of a row

  Grid(int64_t matrix_rows, int64_t row_packs)
      : rows(matrix_rows),
        packs(static_cast<uint32_t>(row_packs)),
        blocks(static_cast<uint32_t>(div_up(row_packs, kThreads))) {
    CHECK(row_packs <= INT32_MAX && rows * blocks <= INT32_MAX);
  }

  unsigned grid() const { return static_cast<unsigned>(rows) * blocks; }
};

// Of this thread: its row and pack of it. False: it has none.
__device__ __forceinline__ bool place(const Grid& grid, int64_t& row, int64_t& pack) {
  const uint32_t at = blockIdx.x / grid.blocks;
  row = at;
  pack = (blockIdx.x - at * grid.blocks) * Grid::kThreads + threadIdx.x;
  return pack < grid.packs;
}

}  // namespace chitu::cuda
