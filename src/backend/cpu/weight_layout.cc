#include "backend/cpu/weight_layout.h"

#include <cstring>

#include "backend/cpu/affine_pack.h"
#include "backend/cpu/interleaved_pack.h"
#include "backend/cpu/kernels/interleaved_format.h"
#include "base/check.h"
#include "tensor/format/decode.h"

namespace chitu::cpu {
namespace {

int64_t row_major_bytes(DType format, int64_t rows, int64_t cols) {
  return bytes_for(format, rows * cols);
}

void row_major_pack(DType format, const std::byte* source, int64_t source_stride, int64_t /*rows*/,
                    int64_t cols, int64_t begin, int64_t end, std::byte* packed) {
  const int64_t row_bytes = bytes_for(format, cols);
  for (int64_t r = begin; r < end; ++r) {
    std::memcpy(packed + r * row_bytes, source + r * source_stride,
                static_cast<std::size_t>(row_bytes));
  }
}

void row_major_decode_row(DType format, const std::byte* packed, int64_t row, int64_t cols,
                          float* values) {
  decode(format, packed + row * bytes_for(format, cols), values, cols);
}

constexpr WeightLayout kRowMajor{.row_unit = 8,
                                 .bytes = row_major_bytes,
                                 .pack = row_major_pack,
                                 .decode_row = row_major_decode_row};
constexpr WeightLayout kAffine16{.row_unit = kAffineRows,
                                 .bytes = affine_bytes,
                                 .pack = affine_pack,
                                 .decode_row = affine_decode_row};

template <LayoutKind kLayout>
constexpr WeightLayout kInterleaved{.row_unit = kInterleavedRows,
                                    .bytes = interleaved_bytes<kLayout>,
                                    .pack = interleaved_pack<kLayout>,
                                    .decode_row = interleaved_decode_row<kLayout>};

}  // namespace

const WeightLayout& weight_layout(LayoutKind kind) {
  switch (kind) {
    case LayoutKind::kRowMajor:
      return kRowMajor;
    case LayoutKind::kAffine16:
      return kAffine16;
    case LayoutKind::kColumns16:
      return kInterleaved<LayoutKind::kColumns16>;
    case LayoutKind::kPairs16:
      return kInterleaved<LayoutKind::kPairs16>;
  }
  CHECK(false);
}

}  // namespace chitu::cpu
