// The matrix of a linear layer or an embedding, prepared once for a back end's kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ops/buffer.h"
#include "tensor/dtype.h"
#include "tensor/grouped.h"
#include "tensor/tensor_ref.h"

namespace chitu {

// What a checkpoint holds: host memory, [out_features, in_features] row-major each, stacked along
// the rows (q, k and v; gate and up). Parts may differ in format, as they do in GGUF's mixtures.
struct WeightSource {
  std::span<const TensorRef> parts;
  // Called, from any thread, with rows of `parts` that have been copied and will not be read again,
  // so that a large matrix need not lie in memory twice; every row at most once. May be empty.
  std::function<void(const TensorRef& rows)> copied = {};
  // Of each part, where scales are tensors of their own; empty, or empty for a part, where not.
  std::span<const GroupScales> scales = {};

  bool has_scales(std::size_t part) const { return part < scales.size() && !scales[part].empty(); }
  // The format that a part has once it has its scales.
  Result<DType> format(std::size_t part) const {
    if (has_scales(part)) return grouped_format(parts[part], scales[part]);
    return parts[part].dtype;
  }

  int64_t cols() const { return parts.empty() ? 0 : parts[0].cols(); }
  int64_t rows() const {
    int64_t n = 0;
    for (const TensorRef& part : parts) n += part.rows();
    return n;
  }
};

// A run of rows in one format. What lies in `buffers` (values, scales, zeros, a permutation) and in
// which order is the business of the back end that made it; `layout` is its own note of that.
struct WeightSegment {
  DType format = DType::kF32;
  int64_t rows = 0;
  int layout = 0;
  std::vector<Buffer> buffers;
};

struct Weight {
  int64_t rows = 0;  // out_features
  int64_t cols = 0;  // in_features
  std::vector<WeightSegment> segments;

  bool empty() const { return segments.empty(); }
  int64_t bytes() const {
    int64_t n = 0;
    for (const WeightSegment& segment : segments) {
      for (const Buffer& buffer : segment.buffers) n += static_cast<int64_t>(buffer.bytes());
    }
    return n;
  }
};

}  // namespace chitu
