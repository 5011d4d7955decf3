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
  for (const TensorRef& part : source.parts) {
    TRY(bytes, target_->prepared_bytes(part.dtype, part.rows(), part.cols()));
    allocated_bytes_ += bytes;
    weight.segments.push_back(
        {.format = part.dtype, .rows = part.rows(), .layout = 0, .buffers = {}});
  }
  return weight;
}

}  // namespace chitu
