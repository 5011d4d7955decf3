#include "model/layers/attention.h"

#include <cmath>

#include "model/rope.h"

namespace chitu {

void bind_attention(Binder& binder, const TensorNames& names, const ModelConfig& config,
                    AttentionLayer& layer) {
  const auto named = [&](std::string_view pattern) { return layer_name(pattern, layer.index); };
  const int64_t q_rows = config.num_heads * config.head_dim;
  const int64_t kv_rows = config.num_kv_heads * config.head_dim;
  const int64_t rows = q_rows + 2 * kv_rows;
  const bool stacked = names.q.empty() || binder.has(named(names.qkv) + ".weight");
  const std::vector<ProjectionPart> parts =
      stacked ? std::vector<ProjectionPart>{{named(names.qkv), rows, 0, q_rows},
                                            {named(names.qkv), rows, q_rows, kv_rows},
                                            {named(names.qkv), rows, q_rows + kv_rows, kv_rows}}
              : std::vector<ProjectionPart>{{named(names.q), q_rows, 0, q_rows},
                                            {named(names.k), kv_rows, 0, kv_rows},
                                            {named(names.v), kv_rows, 0, kv_rows}};
  bind_projection(binder, layer.qkv, parts, config.hidden_size, config.qkv_bias, Split::kColumn);
  bind_projection(binder, layer.out,
                  {{named(names.attention_out), config.hidden_size, 0, config.hidden_size}}, q_rows,
                  config.attention_out_bias, Split::kRow);
  if (!config.qk_norm) return;
  const auto bind_norm = [&](TensorRef& target, std::string_view pattern) {
    binder.bind(target, {TensorSlice::whole(named(pattern) + ".weight", Shape{config.head_dim},
                                            Split::kReplicated)});
  };
  bind_norm(layer.q_norm, names.q_norm);
  bind_norm(layer.k_norm, names.k_norm);
}

RopeTables rope_tables(Step& step, const RopeConfig& rope, const TensorRef& inv_freq) {
  const Shape shape{step.attention.num_tokens, rope.rotary_dim / 2};
  const RopeTables tables{.cos = step.arena.allocate(DType::kF32, shape),
                          .sin = step.arena.allocate(DType::kF32, shape)};
  RopeAngles angles = rope_angles(rope);
  angles.positions = step.attention.positions;
  angles.inv_freq = inv_freq;
  if (rope.scaling == RopeConfig::Scaling::kDynamicNtk) angles.ntk.lens = step.attention.rope_lens;
  angles.cos = tables.cos;
  angles.sin = tables.sin;
  step.ops.run(angles);
  return tables;
}

void attention(Step& step, const ModelConfig& config, const AttentionLayer& layer,
               const RopeTables& rope, const TensorRef& x, const TensorRef& y) {
  const std::size_t mark = step.arena.used();
  const int64_t q_cols = config.num_heads * config.head_dim;
  const int64_t cols = q_cols + 2 * config.num_kv_heads * config.head_dim;
  const TensorRef qkv = step.arena.allocate(x.dtype, Shape{x.rows(), cols});
  const TensorRef context = step.arena.allocate(x.dtype, Shape{x.rows(), q_cols});
  const KvLayer& kv = step.kv[static_cast<std::size_t>(layer.index)];

  linear(step, x, layer.qkv, qkv);
  step.ops.run(RopeStoreKv{.qkv = qkv,
                           .heads = config.num_heads,
                           .kv_heads = config.num_kv_heads,
                           .head_dim = config.head_dim,
                           .q_norm = layer.q_norm,
                           .k_norm = layer.k_norm,
                           .norm_eps = static_cast<float>(config.rms_norm_eps),
                           .cos = rope.cos,
                           .sin = rope.sin,
                           .interleaved = config.rope.interleaved,
                           .kv = kv,
                           .plan = &step.attention});
  step.ops.run(Attention{.q = qkv.col_slice(0, q_cols),
                         .kv = kv,
                         .plan = &step.attention,
                         .heads = config.num_heads,
                         .scale = 1.0F / std::sqrt(static_cast<float>(config.head_dim)),
                         .window = layer.window,
                         .softcap = static_cast<float>(config.attention_softcap),
                         .out = context});
  linear(step, context, layer.out, y);
  step.arena.rewind(mark);
}

}  // namespace chitu
