// How the weights of a segment lie in device memory: what prepare() writes, what kernels and Embed
// read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "base/round_up.h"
#include "ops/weight.h"

namespace chitu::cuda {

// Rows of weights are filled up with zeros to a multiple of this, so that kernels read 16 bytes at
// once whatever the number of columns.
inline constexpr int64_t kColumnUnit = 8;

inline int64_t padded_cols(int64_t cols) { return round_up(cols, kColumnUnit); }

// A matrix of `rows` x `cols` values: first all rows of values, `stride` bytes from one to the
// next, a multiple of 16; then the rows of scales. All lengths are proportional to the rows, so
// that parts of a weight that follow each other in one format make one segment, and one launch.
//
//   F32, F16, BF16   values; no scales
//   F8_G128          values are the codes, one byte each; scales F32, one for each 128 columns
struct WeightLayout {
  DType format = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;
  int64_t groups = 0;  // scales of a row

  int64_t scales_offset() const { return rows * stride; }
  int64_t scales_stride() const { return groups * static_cast<int64_t>(sizeof(float)); }
  int64_t bytes() const { return rows * (stride + scales_stride()); }
};

// The format that weights of `format` are kept in. Floats of any kind become the activations' own,
// as transformers' dtype has it: the matrix units multiply like with like, and a checkpoint in F32
// takes half the memory. With activations in F32 every weight stays exact.
DType stored_format(DType format, DType activations);

// Of weights that come in `format`, or already are in stored_format(). Errors: kUnsupported for a
// format without kernels, kCorrupt where the columns do not fit its blocks.
Result<WeightLayout> weight_layout(DType format, DType activations, int64_t rows, int64_t cols);

// Of a segment that prepare() made.
WeightLayout weight_layout(const WeightSegment& segment, int64_t cols);

// Rows [begin, end) of one part of the source as they lie in `layout`, a layout of
// source.format(part): `values`, (end - begin) * stride bytes, and `scales`, (end - begin) *
// groups; both in host memory.
void pack_rows(const WeightLayout& layout, const WeightSource& source, std::size_t part,
               int64_t begin, int64_t end, std::byte* values, float* scales);

}  // namespace chitu::cuda
