// To and from kColumns16 and kPairs16 (kernels/interleaved_format.h); weight_layout.h states the
// contracts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels/linear_kernel.h"
#include "tensor/dtype.h"

namespace chitu::cpu {

template <LayoutKind kLayout>
int64_t interleaved_bytes(DType format, int64_t rows, int64_t cols);
template <LayoutKind kLayout>
void interleaved_pack(DType format, const std::byte* source, int64_t source_stride, int64_t rows,
                      int64_t cols, int64_t begin, int64_t end, std::byte* packed);
template <LayoutKind kLayout>
void interleaved_decode_row(DType format, const std::byte* packed, int64_t row, int64_t cols,
                            float* values);

}  // namespace chitu::cpu
