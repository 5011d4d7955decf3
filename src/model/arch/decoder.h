// The pre-norm decoder of LLaMA and its many relatives: RMSNorm, grouped-query attention with
// rotary positions, a gated feed-forward network. What tells them apart is in ModelConfig.
#pragma once

#include <memory>
#include <vector>

#include "model/layers/attention.h"
#include "model/layers/mlp.h"
#include "model/loadable_model.h"
#include "model/plan.h"
#include "model/tensor_names.h"

namespace chitu {

class Decoder : public LoadableModel {
 public:
  explicit Decoder(ModelConfig config);

  const ModelConfig& config() const override { return config_; }
  KvSpec kv_spec() const override { return chitu::kv_spec(config_); }
  TensorRef forward(Step& step) const override;
  TensorRef logits(Step& step, const TensorRef& hidden) const override;

  void bind(Binder& binder, const TensorNames& names) override;

 private:
  struct Layer {
    TensorRef attention_norm;  // [hidden]
    AttentionLayer attention;
    TensorRef ffn_norm;  // [hidden]
    MlpLayer mlp;
  };

  // What flows through the layers: [tokens, hidden] each.
  struct Stream {
    TensorRef residual;
    TensorRef x;  // normed
    TensorRef h;  // what a layer adds
  };

  // Leaves the rows of step.wanted_rows.
  void keep_wanted(Step& step, Stream& stream) const;
  const TensorRef& norm_after(const Layer& layer) const;

  ModelConfig config_;
  Projection embedding_;  // [vocab, hidden], no bias
  Projection head_;       // [vocab, hidden]; empty when tied to the embedding
  TensorRef final_norm_;  // [hidden]
  TensorRef inv_freq_;    // [rotary_dim / 2]
  std::vector<Layer> layers_;
};

std::unique_ptr<LoadableModel> make_decoder(ModelConfig config);

}  // namespace chitu
