// How the weights of a segment lie in memory: what prepare() writes, what kernels and Embed read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels/linear_kernel.h"
#include "tensor/dtype.h"

namespace chitu::cpu {

struct WeightLayout {
  int row_unit = 1;  // rows are packed and multiplied in multiples of this

  int64_t (*bytes)(DType format, int64_t rows, int64_t cols) = nullptr;

  // Packs rows [begin, end) of the `rows` rows at `source`, which lie `source_stride` bytes apart.
  // begin is a multiple of row_unit, and so is end, unless it is `rows`.
  void (*pack)(DType format, const std::byte* source, int64_t source_stride, int64_t rows,
               int64_t cols, int64_t begin, int64_t end, std::byte* packed) = nullptr;

  // One row's values, bit for bit those of tensor/format/decode.h.
  void (*decode_row)(DType format, const std::byte* packed, int64_t row, int64_t cols,
                     float* values) = nullptr;
};

const WeightLayout& weight_layout(LayoutKind kind);

}  // namespace chitu::cpu
