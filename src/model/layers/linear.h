// y = x W^T + bias with the weights of one projection.
#pragma once

#include <string>
#include <vector>

#include "model/binder.h"
#include "model/step.h"

namespace chitu {

struct Projection {
  Weight weight;   // [out, in]
  TensorRef bias;  // [out], optional
};

// A run of rows of a projection: one name's share of it.
struct ProjectionPart {
  std::string name;        // without ".weight"
  int64_t total_rows = 0;  // of the tensor
  int64_t row_begin = 0;
  int64_t rows = 0;
};

void bind_projection(Binder& binder, Projection& projection,
                     const std::vector<ProjectionPart>& parts, int64_t in_features, bool bias,
                     Split split);

void linear(Step& step, const TensorRef& x, const Projection& projection, const TensorRef& y);

}  // namespace chitu
