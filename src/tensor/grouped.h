// Weights whose scales, and zeros, are tensors of their own: GPTQ, AWQ and compressed-tensors in 4
// and 8 bits, DeepSeek's FP8 with a scale for each 128 x 128 values. Brought into blocks that carry
// theirs (format/grouped_blocks.h) they are like any other quantized format.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "tensor/dtype.h"
#include "tensor/tensor_ref.h"

namespace chitu {

// value = scale * (q - zero)
struct GroupScales {
  // F32, F16 or BF16 [rows / rows_per_scale rounded up, cols / group]; how many columns share one,
  // the group, is what the shapes say.
  TensorRef scales;
  // U8, of the same shape; without them 8 for U4, 128 for U8, 0 for others. Only for U4 and U8.
  TensorRef zeros;
  int64_t rows_per_scale = 1;

  bool empty() const { return scales.empty(); }
};

// The block format of `values`, U4, U8, I8 or F8_E4M3, with these scales. Errors: kUnsupported
// where there is none for their group, kCorrupt where the shapes do not belong together.
Result<DType> grouped_format(const TensorRef& values, const GroupScales& scales);

// Writes row `row` in grouped_format(). A zero further than a signed byte from the middle is
// clamped.
// REQUIRES: grouped_format(values, scales).ok()
void group_row(const TensorRef& values, const GroupScales& scales, int64_t row, std::byte* blocks);

}  // namespace chitu
