#include "model/arch/decoder.h"

#include <utility>

#include "model/rope.h"

namespace chitu {

Decoder::Decoder(ModelConfig config)
    : config_(std::move(config)), layers_(static_cast<std::size_t>(config_.num_layers)) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].attention.index = static_cast<int64_t>(i);
    layers_[i].attention.window = config_.windows.empty() ? 0 : config_.windows[i];
  }
}

void Decoder::bind(Binder& binder, const TensorNames& names) {
  const int64_t hidden = config_.hidden_size;
  const auto bind_norm = [&](TensorRef& target, const std::string& name) {
    binder.bind(target, {TensorSlice::whole(name + ".weight", Shape{hidden}, Split::kReplicated)});
  };
  const auto bind_vocabulary = [&](Projection& target, std::string_view name) {
    bind_projection(binder, target,
                    {{std::string(name), config_.vocab_size, 0, config_.vocab_size}}, hidden, false,
                    Split::kVocabulary);
  };
  bind_vocabulary(embedding_, names.embedding);
  for (Layer& layer : layers_) {
    const int64_t index = layer.attention.index;
    bind_norm(layer.attention_norm, layer_name(names.attention_norm, index));
    bind_attention(binder, names, config_, layer.attention);
    bind_norm(layer.ffn_norm, layer_name(names.ffn_norm, index));
    bind_mlp(binder, names, config_, index, layer.mlp);
  }
  bind_norm(final_norm_, std::string(names.final_norm));
  if (config_.tie_word_embeddings) {
    binder.ignore(std::string(names.head) + ".weight");
  } else {
    bind_vocabulary(head_, names.head);
  }
  binder.bind(inv_freq_, inverse_frequencies(config_.rope));
}

TensorRef Decoder::forward(Step& step) const {
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  const Shape shape{step.attention.num_tokens, config_.hidden_size};
  const DType dtype = step.ops.activation_dtype();
  Stream stream{.residual = step.arena.allocate(dtype, shape),
                .x = step.arena.allocate(dtype, shape),
                .h = step.arena.allocate(dtype, shape)};
  const auto add_norm = [&](const TensorRef& weight) {
    step.ops.run(AllReduceAddNorm{
        .x = stream.h, .residual = stream.residual, .weight = weight, .eps = eps, .y = stream.x});
  };

  const RopeTables rope = rope_tables(step, config_.rope, inv_freq_);
  step.ops.run(Embed{.ids = step.ids, .table = &embedding_.weight, .y = stream.residual});
  step.ops.run(RmsNorm{
      .x = stream.residual, .weight = layers_[0].attention_norm, .eps = eps, .y = stream.x});
  for (const Layer& layer : layers_) {  // x is already normed
    attention(step, config_, layer.attention, rope, stream.x, stream.h);
    // Nobody attends to what the last layer puts out, so its feed-forward network is computed for
    // the wanted tokens only.
    if (&layer == &layers_.back()) keep_wanted(step, stream);
    add_norm(layer.ffn_norm);
    mlp(step, config_, layer.mlp, stream.x, stream.h);
    add_norm(norm_after(layer));
  }
  return stream.x;
}

void Decoder::keep_wanted(Step& step, Stream& stream) const {
  const int64_t rows = step.wanted_rows.shape[0];
  const auto gather = [&](const TensorRef& all) {
    const TensorRef wanted = step.arena.allocate(all.dtype, Shape{rows, config_.hidden_size});
    step.ops.run(GatherRows{.x = all, .rows = step.wanted_rows, .y = wanted});
    return wanted;
  };
  stream.residual = gather(stream.residual);
  stream.h = gather(stream.h);
  stream.x = step.arena.allocate(stream.x.dtype, Shape{rows, config_.hidden_size});
}

TensorRef Decoder::logits(Step& step, const TensorRef& hidden) const {
  const TensorRef logits =
      step.arena.allocate(DType::kF32, Shape{hidden.shape[0], config_.vocab_size});
  linear(step, hidden, config_.tie_word_embeddings ? embedding_ : head_, logits);
  if (config_.logit_softcap > 0.0) {
    step.ops.run(Softcap{.x = logits, .cap = static_cast<float>(config_.logit_softcap)});
  }
  return logits;
}

const TensorRef& Decoder::norm_after(const Layer& layer) const {
  const auto next = static_cast<std::size_t>(layer.attention.index) + 1;
  return next < layers_.size() ? layers_[next].attention_norm : final_norm_;
}

std::unique_ptr<LoadableModel> make_decoder(ModelConfig config) {
  return std::make_unique<Decoder>(std::move(config));
}

}  // namespace chitu
