// To and from the affine layout (kernels/affine_format.h); weight_layout.h states the contracts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels/affine_format.h"
#include "tensor/dtype.h"

namespace chitu::cpu {

int64_t affine_bytes(DType format, int64_t rows, int64_t cols);
void affine_pack(DType format, const std::byte* source, int64_t source_stride, int64_t rows,
                 int64_t cols, int64_t begin, int64_t end, std::byte* packed);
void affine_decode_row(DType format, const std::byte* packed, int64_t row, int64_t cols,
                       float* values);

}  // namespace chitu::cpu
