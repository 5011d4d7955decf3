#include "backend/cuda/weight_layout.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "tensor/format/bf16.h"
#include "tensor/format/decode.h"
#include "tensor/format/grouped_blocks.h"
#include "tensor/format/half.h"

namespace chitu::cuda {
namespace {

constexpr int64_t kGroup = BlockF8<128>::kElements;

bool is_float(DType format) {
  return format == DType::kF32 || format == DType::kF16 || format == DType::kBF16;
}

int64_t value_bytes(DType format) {
  return format == DType::kF8_G128 ? 1 : info(format).block_bytes;
}

WeightLayout layout_of(DType format, int64_t rows, int64_t cols) {
  return {.format = format,
          .rows = rows,
          .cols = cols,
          .stride = padded_cols(cols) * value_bytes(format),
          .groups = format == DType::kF8_G128 ? cols / kGroup : 0};
}

void encode(DType format, const float* values, std::byte* to, int64_t n) {
  if (format == DType::kF32) {
    std::memcpy(to, values, static_cast<std::size_t>(n) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t bits =
        format == DType::kF16 ? float_to_half(values[i]) : float_to_bf16(values[i]);
    std::memcpy(to + i * 2, &bits, sizeof(bits));
  }
}

void pack_floats(const WeightLayout& layout, const TensorRef& rows, std::byte* values) {
  const int64_t bytes = layout.cols * value_bytes(layout.format);
  std::vector<float> decoded(rows.dtype == layout.format ? 0
                                                         : static_cast<std::size_t>(layout.cols));
  for (int64_t r = 0; r < rows.rows(); ++r, values += layout.stride) {
    const void* from = rows.row_slice(r, 1).data;
    if (rows.dtype == layout.format) {
      std::memcpy(values, from, static_cast<std::size_t>(bytes));
    } else {
      decode(rows.dtype, from, decoded.data(), layout.cols);
      encode(layout.format, decoded.data(), values, layout.cols);
    }
    std::fill(values + bytes, values + layout.stride, std::byte{0});
  }
}

// Codes whose scales are a tensor of their own.
void pack_grouped(const WeightLayout& layout, const TensorRef& part, const GroupScales& from,
                  int64_t begin, int64_t end, std::byte* values, float* scales) {
  for (int64_t r = begin; r < end; ++r, values += layout.stride, scales += layout.groups) {
    std::memcpy(values, part.row_slice(r, 1).data, static_cast<std::size_t>(layout.cols));
    const TensorRef own = from.scales.row_slice(r / from.rows_per_scale, 1);
    decode(own.dtype, own.data, scales, layout.groups);
  }
}

// Codes in blocks that carry their scales.
void pack_blocks(const WeightLayout& layout, const TensorRef& rows, std::byte* values,
                 float* scales) {
  for (int64_t r = 0; r < rows.rows(); ++r, values += layout.stride, scales += layout.groups) {
    const auto* from = static_cast<const std::byte*>(rows.row_slice(r, 1).data);
    for (int64_t g = 0; g < layout.groups; ++g) {
      BlockF8<kGroup> block;
      std::memcpy(&block, from + g * static_cast<int64_t>(sizeof(block)), sizeof(block));
      scales[g] = block.d;
      std::memcpy(values + g * kGroup, block.qs, sizeof(block.qs));
    }
  }
}

}  // namespace

DType stored_format(DType format, DType activations) {
  return is_float(format) && activations != DType::kF32 ? activations : format;
}

Result<WeightLayout> weight_layout(DType format, DType activations, int64_t rows, int64_t cols) {
  const DType stored = stored_format(format, activations);
  if (!is_float(stored) && stored != DType::kF8_G128) {
    return make_error(
        ErrorCode::kUnsupported,
        "weights in {} cannot be multiplied on the GPU yet; F32, F16, BF16 and FP8 in "
        "128 x 128 blocks can, and the CPU back end multiplies others",
        name(format));
  }
  if (cols % info(stored).block_elements != 0) {
    return make_error(ErrorCode::kCorrupt, "{} columns are no multiple of {}'s blocks of {}", cols,
                      name(stored), info(stored).block_elements);
  }
  return layout_of(stored, rows, cols);
}

WeightLayout weight_layout(const WeightSegment& segment, int64_t cols) {
  return layout_of(segment.format, segment.rows, cols);
}

void pack_rows(const WeightLayout& layout, const WeightSource& source, std::size_t part,
               int64_t begin, int64_t end, std::byte* values, float* scales) {
  const TensorRef& from = source.parts[part];
  if (source.has_scales(part)) {
    CHECK(layout.format == DType::kF8_G128);
    return pack_grouped(layout, from, source.scales[part], begin, end, values, scales);
  }
  const TensorRef rows = from.row_slice(begin, end - begin);
  if (layout.format == DType::kF8_G128) return pack_blocks(layout, rows, values, scales);
  pack_floats(layout, rows, values);
}

}  // namespace chitu::cuda
