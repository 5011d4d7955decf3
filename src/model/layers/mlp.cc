#include "model/layers/mlp.h"

namespace chitu {

void bind_mlp(Binder& binder, const TensorNames& names, const ModelConfig& config, int64_t layer,
              MlpLayer& mlp) {
  const auto named = [&](std::string_view pattern) { return layer_name(pattern, layer); };
  const int64_t dim = config.intermediate_size;
  const bool stacked = names.gate.empty() || binder.has(named(names.gate_up) + ".weight");
  const std::vector<ProjectionPart> parts =
      stacked ? std::vector<ProjectionPart>{{named(names.gate_up), 2 * dim, 0, dim},
                                            {named(names.gate_up), 2 * dim, dim, dim}}
              : std::vector<ProjectionPart>{{named(names.gate), dim, 0, dim},
                                            {named(names.up), dim, 0, dim}};
  bind_projection(binder, mlp.gate_up, parts, config.hidden_size, config.mlp_bias, Split::kColumn);
  bind_projection(binder, mlp.down,
                  {{named(names.down), config.hidden_size, 0, config.hidden_size}}, dim,
                  config.mlp_bias, Split::kRow);
}

void mlp(Step& step, const ModelConfig& config, const MlpLayer& layer, const TensorRef& x,
         const TensorRef& y) {
  const std::size_t mark = step.arena.used();
  const int64_t dim = config.intermediate_size;
  const TensorRef gate_up = step.arena.allocate(x.dtype, Shape{x.rows(), 2 * dim});
  const TensorRef gated = step.arena.allocate(x.dtype, Shape{x.rows(), dim});
  linear(step, x, layer.gate_up, gate_up);
  step.ops.run(GatedActivation{.gate_up = gate_up, .activation = config.activation, .y = gated});
  linear(step, gated, layer.down, y);
  step.arena.rewind(mark);
}

}  // namespace chitu
