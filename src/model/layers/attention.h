// Grouped-query attention with rotary positions.
#pragma once

#include "model/binder.h"
#include "model/config.h"
#include "model/layers/linear.h"
#include "model/step.h"
#include "model/tensor_names.h"

namespace chitu {

struct AttentionLayer {
  int64_t index = 0;   // of the layer, and of its cache
  int64_t window = 0;  // 0: none
  Projection qkv;      // q, k and v stacked
  Projection out;
  TensorRef q_norm;  // [head_dim], optional
  TensorRef k_norm;  // [head_dim], optional
};

// The angles of a step's tokens, shared by its layers.
struct RopeTables {
  TensorRef cos;  // [tokens, rotary_dim / 2]
  TensorRef sin;
};

void bind_attention(Binder& binder, const TensorNames& names, const ModelConfig& config,
                    AttentionLayer& layer);

RopeTables rope_tables(Step& step, const RopeConfig& rope, const TensorRef& inv_freq);

// y = attention(x) [tokens, hidden]: this rank's share of the sum.
void attention(Step& step, const ModelConfig& config, const AttentionLayer& layer,
               const RopeTables& rope, const TensorRef& x, const TensorRef& y);

}  // namespace chitu
