#include "tensor/grouped.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "tensor/format/decode.h"
#include "tensor/format/grouped_blocks.h"

namespace chitu {
namespace {

struct Row {
  DType values;
  int64_t group;
  DType format;
};
constexpr Row kFormats[] = {
    {DType::kU4, 32, DType::kI4_G32},   {DType::kU4, 64, DType::kI4_G64},
    {DType::kU4, 128, DType::kI4_G128}, {DType::kU8, 32, DType::kI8_G32},
    {DType::kU8, 64, DType::kI8_G64},   {DType::kU8, 128, DType::kI8_G128},
    {DType::kI8, 32, DType::kI8_G32},   {DType::kI8, 64, DType::kI8_G64},
    {DType::kI8, 128, DType::kI8_G128}, {DType::kF8E4M3, 128, DType::kF8_G128},
};

template <class Block>
void put(Block block, int64_t index, std::byte* blocks) {
  std::memcpy(blocks + index * static_cast<int64_t>(sizeof(Block)), &block, sizeof(block));
}

// A row's values, and its groups' scales and zeros.
struct Source {
  DType type;
  const uint8_t* values;
  const float* scales;
  const uint8_t* zeros;  // may be null
  int64_t groups;

  int8_t zero(int64_t group, int middle) const {
    if (zeros == nullptr) return 0;
    return static_cast<int8_t>(std::clamp(zeros[group] - middle, -128, 127));
  }
};

template <int kGroup>
void write_i4(const Source& from, std::byte* blocks) {
  for (int64_t g = 0; g < from.groups; ++g) {
    BlockI4<kGroup> block{.d = from.scales[g], .zero = from.zero(g, 8), .padding = {}, .qs = {}};
    std::memcpy(block.qs, from.values + g * kGroup / 2, sizeof(block.qs));
    put(block, g, blocks);
  }
}

template <int kGroup>
void write_i8(const Source& from, std::byte* blocks) {
  const uint8_t flip = from.type == DType::kI8 ? 0x80 : 0;  // signed values by 128 up
  for (int64_t g = 0; g < from.groups; ++g) {
    BlockI8<kGroup> block{.d = from.scales[g], .zero = from.zero(g, 128), .padding = {}, .qs = {}};
    for (int i = 0; i < kGroup; ++i) block.qs[i] = from.values[g * kGroup + i] ^ flip;
    put(block, g, blocks);
  }
}

void write_f8(const Source& from, std::byte* blocks) {
  for (int64_t g = 0; g < from.groups; ++g) {
    BlockF8<128> block{.d = from.scales[g], .qs = {}};
    std::memcpy(block.qs, from.values + g * 128, sizeof(block.qs));
    put(block, g, blocks);
  }
}

void write(DType format, const Source& from, std::byte* blocks) {
  switch (format) {
    case DType::kI4_G32:
      return write_i4<32>(from, blocks);
    case DType::kI4_G64:
      return write_i4<64>(from, blocks);
    case DType::kI4_G128:
      return write_i4<128>(from, blocks);
    case DType::kI8_G32:
      return write_i8<32>(from, blocks);
    case DType::kI8_G64:
      return write_i8<64>(from, blocks);
    case DType::kI8_G128:
      return write_i8<128>(from, blocks);
    case DType::kF8_G128:
      return write_f8(from, blocks);
    default:
      CHECK(false);
  }
}

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

}  // namespace

Result<DType> grouped_format(const TensorRef& values, const GroupScales& scales) {
  const int64_t groups = scales.scales.cols();
  const int64_t per = scales.rows_per_scale;
  const auto matches = [&](const TensorRef& t) {
    return t.cols() == groups && t.rows() == (values.rows() + per - 1) / per;
  };
  if (per < 1 || groups < 1 || values.cols() % groups != 0 || !matches(scales.scales)) {
    return make_error(ErrorCode::kCorrupt,
                      "scales of {} x {} do not belong to weights of {} x {} with {} rows a scale",
                      scales.scales.rows(), groups, values.rows(), values.cols(), per);
  }
  if (!is_float(scales.scales.dtype)) {
    return make_error(ErrorCode::kUnsupported, "scales in {}: F32, F16 and BF16 can be read",
                      name(scales.scales.dtype));
  }
  if (!scales.zeros.empty()) {
    if (!matches(scales.zeros) || scales.zeros.dtype != DType::kU8) {
      return make_error(ErrorCode::kCorrupt,
                        "zeros of {} x {} in {} do not belong to scales of {} x {}",
                        scales.zeros.rows(), scales.zeros.cols(), name(scales.zeros.dtype),
                        scales.scales.rows(), groups);
    }
    if (values.dtype != DType::kU4 && values.dtype != DType::kU8) {
      return make_error(ErrorCode::kUnsupported, "weights in {} cannot have zeros",
                        name(values.dtype));
    }
  }
  const int64_t group = values.cols() / groups;
  const auto* row = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const Row& r) {
    return r.values == values.dtype && r.group == group;
  });
  if (row == std::end(kFormats)) {
    return make_error(ErrorCode::kUnsupported,
                      "weights in {} with a scale for {} columns cannot be read",
                      name(values.dtype), group);
  }
  return row->format;
}

void group_row(const TensorRef& values, const GroupScales& scales, int64_t row, std::byte* blocks) {
  const auto format = grouped_format(values, scales);
  CHECK(format.ok());
  const int64_t groups = scales.scales.cols();
  const TensorRef own = scales.scales.row_slice(row / scales.rows_per_scale, 1);
  std::vector<float> d(static_cast<std::size_t>(groups));
  decode(own.dtype, own.data, d.data(), groups);
  const auto* zeros =
      scales.zeros.empty() ? nullptr : scales.zeros.row<const uint8_t>(row / scales.rows_per_scale);
  write(*format,
        {.type = values.dtype,
         .values = static_cast<const uint8_t*>(values.row_slice(row, 1).data),
         .scales = d.data(),
         .zeros = zeros,
         .groups = groups},
        blocks);
}

}  // namespace chitu
