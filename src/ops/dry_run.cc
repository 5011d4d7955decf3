#include "ops/dry_run.h"

#include <algorithm>

#include "ops/check_shapes.h"

namespace chitu {

void DryRunOps::run(const Op& op) {
  if (!status_.ok()) return;
  status_ = check_shapes(op);
  if (status_.ok()) workspace_peak_ = std::max(workspace_peak_, target_->workspace_bytes(op));
}

Result<Buffer> DryRunOps::allocate(std::size_t bytes) {
  allocated_bytes_ += static_cast<int64_t>(bytes);
  return Buffer(reinterpret_cast<void*>(std::uintptr_t{64}), bytes, nullptr);
}

Result<Weight> DryRunOps::prepare(const WeightSource& source) {
  Weight weight{.rows = source.rows(), .cols = source.cols(), .segments = {}};
  for (std::size_t i = 0; i < source.parts.size(); ++i) {
    const TensorRef& part = source.parts[i];
    TRY(format, source.format(i));
    TRY(bytes, target_->prepared_bytes(format, part.rows(), part.cols()));
    allocated_bytes_ += bytes;
    weight.segments.push_back({.format = format, .rows = part.rows(), .layout = 0, .buffers = {}});
  }
  return weight;
}

}  // namespace chitu
