// A non-owning view of a matrix-like tensor in some memory: rows of `shape.back()` contiguous
// elements, rows `row_stride` elements apart. Leading dimensions collapse into rows, so a view of
// the columns of a wider buffer (the q part of a qkv projection) is a TensorRef too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace chitu {

struct TensorRef {
  void* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;
  int64_t row_stride = 0;  // in elements

  static TensorRef contiguous(void* data, DType dtype, const Shape& shape) {
    return {data, dtype, shape, shape.back()};
  }

  bool empty() const { return data == nullptr; }
  int64_t cols() const { return shape.back(); }
  int64_t rows() const { return cols() == 0 ? 0 : shape.elements() / cols(); }
  bool is_contiguous() const { return row_stride == cols(); }

  // REQUIRES: the element type T matches dtype in size, and the format is not quantized.
  template <class T>
  T* row(int64_t r) const {
    return static_cast<T*>(data) + r * row_stride;
  }

  // Rows [begin, begin + count) as a rank-2 view.
  TensorRef row_slice(int64_t begin, int64_t count) const {
    CHECK(begin >= 0 && count >= 0 && begin + count <= rows());
    return {static_cast<std::byte*>(data) + bytes_for(dtype, begin * row_stride), dtype,
            Shape{count, cols()}, row_stride};
  }

  // Columns [begin, begin + count) of every row.
  TensorRef col_slice(int64_t begin, int64_t count) const {
    CHECK(begin >= 0 && count >= 0 && begin + count <= cols());
    return {static_cast<std::byte*>(data) + bytes_for(dtype, begin), dtype, Shape{rows(), count},
            row_stride};
  }
};

}  // namespace chitu
