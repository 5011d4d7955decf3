#include "backend/cuda/dispatch.h"
#include "backend/cuda/kernels/linear/e4m3.cuh"
#include "backend/cuda/kernels/rows.cuh"
#include "backend/cuda/operations.h"
#include "backend/cuda/weight_layout.h"

namespace chitu::cuda {
namespace {

// The rows of a segment in a format of floats.
template <class W>
struct FloatTable {
  const W* values = nullptr;
  int64_t stride = 0;

  __device__ __forceinline__ float at(int64_t row, int64_t i) const {
    return to_float(values[row * stride + i]);
  }
};

// And in FP8 with a scale for each 128 columns. The product is rounded by itself, as decode.h's.
struct Fp8Table {
  const uint8_t* codes = nullptr;
  int64_t stride = 0;
  const float* scales = nullptr;
  int64_t groups = 0;

  __device__ __forceinline__ float at(int64_t row, int64_t i) const {
    return __fmul_rn(scales[row * groups + i / 128], e4m3_to_float(codes[row * stride + i]));
  }
};

// A thread a value. Tokens of other segments are another launch's.
template <class Table, class Y>
__global__ void embed_kernel(Grid grid, const int32_t* ids, Table table, int64_t first,
                             int64_t rows, float scale, Rows<Y> y) {
  int64_t token;
  int64_t i;
  if (!place(grid, token, i)) return;
  const int64_t row = ids[token] - first;
  if (row < 0 || row >= rows) return;
  y.row(token)[i] = from_float<Y>(table.at(row, i) * scale);
}

template <class Table>
void launch(Context& context, const Embed& op, const Table& table, int64_t first, int64_t rows) {
  const Grid grid(op.ids.cols(), op.y.cols());
  dispatch_float(op.y.dtype, [&]<class Y>() {
    embed_kernel<Table, Y><<<grid.grid(), Grid::kThreads, 0, context.stream>>>(
        grid, op.ids.row<const int32_t>(0), table, first, rows, op.scale, rows_of<Y>(op.y));
  });
}

}  // namespace

void run(Context& context, const Embed& op) {
  if (op.ids.cols() == 0 || op.y.cols() == 0) return;
  int64_t first = 0;
  for (const WeightSegment& segment : op.table->segments) {
    const WeightLayout layout = weight_layout(segment, op.table->cols);
    const auto* values = static_cast<const std::byte*>(segment.buffers[0].data());
    if (segment.format == DType::kF8_G128) {
      const Fp8Table table{
          .codes = reinterpret_cast<const uint8_t*>(values),
          .stride = layout.stride,
          .scales = reinterpret_cast<const float*>(values + layout.scales_offset()),
          .groups = layout.groups};
      launch(context, op, table, first, segment.rows);
    } else {
      dispatch_float(segment.format, [&]<class W>() {
        const FloatTable<W> table{.values = reinterpret_cast<const W*>(values),
                                  .stride = layout.stride / static_cast<int64_t>(sizeof(W))};
        launch(context, op, table, first, segment.rows);
      });
    }
    first += segment.rows;
    context.launched("Embed", {op.ids.cols(), op.y.cols()});
  }
}

}  // namespace chitu::cuda
