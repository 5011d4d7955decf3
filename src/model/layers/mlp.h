// The gated feed-forward network: down(act(gate(x)) * up(x)).
#pragma once

#include "model/binder.h"
#include "model/config.h"
#include "model/layers/linear.h"
#include "model/step.h"
#include "model/tensor_names.h"

namespace chitu {

struct MlpLayer {
  Projection gate_up;  // gate and up stacked
  Projection down;
};

void bind_mlp(Binder& binder, const TensorNames& names, const ModelConfig& config, int64_t layer,
              MlpLayer& mlp);

// y = mlp(x) [tokens, hidden]: this rank's share of the sum.
void mlp(Step& step, const ModelConfig& config, const MlpLayer& layer, const TensorRef& x,
         const TensorRef& y);

}  // namespace chitu
