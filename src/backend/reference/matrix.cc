#include <vector>

#include "backend/reference/kernels.h"
#include "tensor/format/decode.h"

namespace chitu::reference {
namespace {

// Calls f(row, values) for the rows [0, rows) of a weight, one segment after the other.
template <class F>
void for_each_row(const Weight& weight, F&& f) {
  std::vector<float> values(static_cast<std::size_t>(weight.cols));
  int64_t row = 0;
  for (const WeightSegment& segment : weight.segments) {
    const auto* source = static_cast<const std::byte*>(segment.buffers[0].data());
    const int64_t row_bytes = bytes_for(segment.format, weight.cols);
    for (int64_t r = 0; r < segment.rows; ++r, ++row) {
      decode(segment.format, source + r * row_bytes, values.data(), weight.cols);
      f(row, values);
    }
  }
}

}  // namespace

void run(const Embed& op) {
  const auto* ids = op.ids.row<const int32_t>(0);
  for_each_row(*op.table, [&](int64_t row, const std::vector<float>& values) {
    for (int64_t t = 0; t < op.ids.cols(); ++t) {
      if (ids[t] != row) continue;
      for (int64_t i = 0; i < op.y.cols(); ++i) op.y.row<float>(t)[i] = values[i] * op.scale;
    }
  });
}

void run(const Linear& op) {
  const auto* bias = op.bias.empty() ? nullptr : op.bias.row<const float>(0);
  for_each_row(*op.weight, [&](int64_t row, const std::vector<float>& values) {
    for (int64_t t = 0; t < op.x.rows(); ++t) {
      const float* x = op.x.row<float>(t);
      double sum = bias != nullptr ? bias[row] : 0.0;
      for (int64_t i = 0; i < op.x.cols(); ++i) sum += static_cast<double>(x[i]) * values[i];
      op.y.row<float>(t)[row] = static_cast<float>(sum);
    }
  });
}

}  // namespace chitu::reference
