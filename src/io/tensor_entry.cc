#include "io/tensor_entry.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

namespace chitu {

Result<TensorLayout> tensor_layout(DType type, std::span<const uint64_t> dims) {
  const DTypeInfo& format = info(type);
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  // The product of all other dimensions must fit even where one is 0, so that no part of the shape
  // overflows either.
  uint64_t product = 1;
  for (const uint64_t dim : dims) {
    if (__builtin_mul_overflow(product, std::max<uint64_t>(dim, 1), &product) ||
        product > kMax / 8) {
      return make_error(ErrorCode::kCorrupt, "shape [{}]: too many elements",
                        fmt::join(dims, ", "));
    }
  }
  const bool is_empty = std::find(dims.begin(), dims.end(), 0) != dims.end();
  const auto elements = static_cast<int64_t>(is_empty ? 0 : product);
  const uint64_t row = dims.empty() ? 1 : dims.back();
  if (row % static_cast<uint64_t>(format.block_elements) != 0) {
    return make_error(ErrorCode::kCorrupt, "shape [{}]: rows of {} are not whole blocks of {} ({})",
                      fmt::join(dims, ", "), row, format.block_elements, format.name);
  }
  TensorLayout layout;
  layout.bytes = bytes_for(type, elements);
  const std::size_t merged = dims.size() > kMaxRank ? dims.size() - kMaxRank + 1 : 0;
  uint64_t outermost = 1;
  for (const uint64_t dim : dims.first(merged)) outermost *= dim;
  if (merged > 0) layout.shape.push_back(static_cast<int64_t>(outermost));
  for (const uint64_t dim : dims.subspan(merged)) layout.shape.push_back(static_cast<int64_t>(dim));
  return layout;
}

}  // namespace chitu
