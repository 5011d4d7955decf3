#include "model/layers/linear.h"

namespace chitu {

void bind_projection(Binder& binder, Projection& projection,
                     const std::vector<ProjectionPart>& parts, int64_t in_features, bool bias,
                     Split split) {
  // What a row-split projection adds is added once, to the sum over the ranks.
  const Split bias_split = split == Split::kRow ? Split::kReplicated : split;
  std::vector<TensorSlice> weights;
  std::vector<TensorSlice> biases;
  for (const ProjectionPart& p : parts) {
    weights.push_back(
        {p.name + ".weight", Shape{p.total_rows, in_features}, p.row_begin, p.rows, split});
    biases.push_back({p.name + ".bias", Shape{p.total_rows}, p.row_begin, p.rows, bias_split});
  }
  binder.bind(projection.weight, std::move(weights));
  if (bias) binder.bind(projection.bias, std::move(biases));
}

void linear(Step& step, const TensorRef& x, const Projection& projection, const TensorRef& y) {
  step.ops.run(Linear{.x = x, .weight = &projection.weight, .bias = projection.bias, .y = y});
}

}  // namespace chitu
