// To and from the interleaved layout (kernels/interleaved_format.h); weight_layout.h states the
// contracts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace chitu::cpu {

int64_t interleaved_bytes(DType format, int64_t rows, int64_t cols);
void interleaved_pack(DType format, const std::byte* source, int64_t source_stride, int64_t rows,
                      int64_t cols, int64_t begin, int64_t end, std::byte* packed);
void interleaved_decode_row(DType format, const std::byte* packed, int64_t row, int64_t cols,
                            float* values);

}  // namespace chitu::cpu
