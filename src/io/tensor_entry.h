// One tensor of a checkpoint file.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"
#include "tensor/tensor_ref.h"

namespace chitu {

struct TensorEntry {
  std::string name;
  TensorRef data;  // contiguous, in the mapped file: read-only, and not necessarily aligned
  int file = 0;    // which of the checkpoint's files
};

struct TensorLayout {
  Shape shape;
  int64_t bytes = 0;
};

// Shape and size of a tensor whose dimensions (outermost first) stand in a file. Dimensions beyond
// the kMaxRank innermost are merged into the outermost. An error if a count overflows, or a row is
// not made of whole blocks.
Result<TensorLayout> tensor_layout(DType type, std::span<const uint64_t> dims);

}  // namespace chitu
