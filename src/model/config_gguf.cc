#include "model/config_gguf.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/quote.h"
#include "model/config_limits.h"
#include "model/rope.h"

namespace chitu {
namespace {

using Scaling = RopeConfig::Scaling;

// The keys of one architecture: "llama" and "block_count" make "llama.block_count".
class Keys {
 public:
  explicit Keys(std::string_view architecture) : prefix_(architecture) { prefix_ += '.'; }
  std::string operator()(std::string_view key) const { return prefix_ + std::string(key); }

 private:
  std::string prefix_;
};

Result<int64_t> read_head_dim(const GgufMetadata& metadata, const Keys& key, int64_t hidden,
                              int64_t heads) {
  const std::string name = key("attention.key_length");
  if (!metadata.has(name) && hidden % heads != 0) {
    return make_error(ErrorCode::kInvalidArgument,
                      "{}: {} is no multiple of the head count {}, and there is no {}",
                      key("embedding_length"), hidden, heads, name);
  }
  TRY(head_dim, metadata.integer_or(name, hidden / heads, 1, limits::kHeadDim));
  TRY(value_dim, metadata.integer_or(key("attention.value_length"), head_dim, 1, limits::kHeadDim));
  if (value_dim != head_dim) {
    return make_error(ErrorCode::kUnsupported,
                      "{}: {} differs from the keys' {}, which this version does not have",
                      key("attention.value_length"), value_dim, head_dim);
  }
  return head_dim;
}

Status read_sizes(const GgufMetadata& metadata, const Keys& key, ModelConfig& config) {
  TRY(hidden, metadata.integer(key("embedding_length"), 1, limits::kHidden));
  TRY(intermediate, metadata.integer(key("feed_forward_length"), 1, limits::kIntermediate));
  TRY(layers, metadata.integer(key("block_count"), 1, limits::kLayers));
  TRY(heads, metadata.integer(key("attention.head_count"), 1, limits::kHeads));
  TRY(kv_heads, metadata.integer_or(key("attention.head_count_kv"), heads, 1, limits::kHeads));
  TRY(positions, metadata.integer(key("context_length"), 1, limits::kPositions));
  TRY(head_dim, read_head_dim(metadata, key, hidden, heads));
  TRY(experts, metadata.integer_or(key("expert_count"), 0, 0, 1 << 20));
  if (experts > 0) {
    return make_error(ErrorCode::kUnsupported,
                      "{}: a mixture of {} experts, which this version does not have",
                      key("expert_count"), experts);
  }
  config.hidden_size = hidden;
  config.intermediate_size = intermediate;
  config.num_layers = layers;
  config.num_heads = heads;
  config.num_kv_heads = kv_heads;
  config.head_dim = head_dim;
  config.max_position_embeddings = positions;
  return {};
}

Result<Scaling> read_scaling_type(const GgufMetadata& metadata, const Keys& key) {
  const std::string name = key("rope.scaling.type");
  TRY(type, metadata.string_or(name, "linear"));  // with a factor that is 1 if there is none
  if (type == "none") return Scaling::kNone;
  if (type == "linear") return Scaling::kLinear;
  if (type == "yarn") return Scaling::kYarn;
  return make_error(ErrorCode::kUnsupported,
                    "{}: {} is not a scaling this version has (none, linear, yarn)", name,
                    quote(type));
}

// 0 is "not given", as in llama.cpp.
Result<double> read_factor(const GgufMetadata& metadata, const Keys& key) {
  const std::string name =
      key(metadata.has(key("rope.scaling.factor")) ? "rope.scaling.factor" : "rope.scale_linear");
  TRY(factor, metadata.number_or(name, 0.0));
  return factor == 0.0 ? 1.0 : factor;
}

Status read_yarn(const GgufMetadata& metadata, const Keys& key, RopeConfig& rope) {
  TRY(fast, metadata.number_or(key("rope.scaling.yarn_beta_fast"), 32.0));
  TRY(slow, metadata.number_or(key("rope.scaling.yarn_beta_slow"), 1.0));
  TRY(attention_factor, metadata.number_or(key("rope.scaling.attn_factor"), 1.0));
  rope.beta_fast = fast;
  rope.beta_slow = slow;
  rope.attention_factor = attention_factor * yarn_mscale(rope.factor);
  return {};
}

Result<RopeConfig> read_rope(const GgufMetadata& metadata, const Keys& key,
                             const ModelConfig& config, const FamilyTraits& traits) {
  RopeConfig rope;
  rope.interleaved = traits.interleaved_rope;
  TRY(theta, metadata.number_or(key("rope.freq_base"), 10000.0));
  const auto usual_dim =
      static_cast<int64_t>(static_cast<double>(config.head_dim) * traits.partial_rotary_factor);
  TRY(dim, metadata.integer_or(key("rope.dimension_count"), usual_dim, 1, limits::kHeadDim));
  rope.theta = theta;
  rope.rotary_dim = dim;
  TRY(scaling, read_scaling_type(metadata, key));
  TRY(factor, read_factor(metadata, key));
  if (scaling == Scaling::kNone || (scaling == Scaling::kLinear && factor == 1.0)) return rope;
  TRY(original, metadata.integer_or(key("rope.scaling.original_context_length"),
                                    config.max_position_embeddings, 1, limits::kPositions));
  rope.scaling = scaling;
  rope.factor = factor;
  rope.original_max_position = original;
  if (scaling == Scaling::kYarn) TRY_STATUS(read_yarn(metadata, key, rope));
  return rope;
}

Status read_special_tokens(const GgufMetadata& metadata, ModelConfig& config) {
  constexpr auto kAny = std::numeric_limits<int64_t>();
  // The end of the text, of a turn, of a message: an answer ends with any of them.
  for (const std::string_view key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                     "tokenizer.ggml.eom_token_id"}) {
    if (!metadata.has(key)) continue;
    TRY(id, metadata.integer(key, kAny.min(), kAny.max()));
    auto& ids = config.eos_token_ids;
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  drop_unknown_end_tokens(config);
  return {};
}

Status take_tensor_facts(GgufTensorFacts facts, ModelConfig& config) {
  if (facts.vocab_size == 0) {
    return make_error(ErrorCode::kNotFound,
                      "tensor \"token_embd.weight\" is missing; is this the first part of the "
                      "model, and a language model?");
  }
  const std::size_t divisors = facts.frequency_divisors.size();
  if (divisors != 0 && divisors != static_cast<std::size_t>(config.rope.rotary_dim / 2)) {
    return make_error(ErrorCode::kCorrupt,
                      "tensor \"rope_freqs.weight\" has {} values where the rotary dimension {} "
                      "asks for half of it",
                      divisors, config.rope.rotary_dim);
  }
  for (const float divisor : facts.frequency_divisors) {
    if (!(divisor > 0.0F)) {
      return make_error(ErrorCode::kCorrupt,
                        "tensor \"rope_freqs.weight\": expected positive numbers, found {}",
                        divisor);
    }
  }
  config.vocab_size = facts.vocab_size;
  config.tie_word_embeddings = !facts.head;
  config.qkv_bias = config.qkv_bias || facts.qkv_bias;
  config.attention_out_bias = facts.attention_out_bias;
  config.mlp_bias = facts.mlp_bias;
  config.rope.frequency_divisors = std::move(facts.frequency_divisors);
  return {};
}

}  // namespace

Result<ModelConfig> read_gguf_config(const GgufMetadata& metadata, std::string_view architecture,
                                     GgufTensorFacts facts, const FamilyTraits& traits) {
  const Keys key(architecture);
  ModelConfig config;
  TRY_STATUS(read_sizes(metadata, key, config));
  TRY(eps, metadata.number_or(key("attention.layer_norm_rms_epsilon"), 1e-6));
  TRY(rope, read_rope(metadata, key, config, traits));
  TRY(window, metadata.integer_or(key("attention.sliding_window"), 0, 0, limits::kPositions));
  config.rms_norm_eps = eps;
  config.rope = std::move(rope);
  config.qkv_bias = traits.qkv_bias == FamilyTraits::Bias::kAlways;
  config.qk_norm = traits.qk_norm;
  if (window > 0 && traits.windows == FamilyTraits::Windows::kEveryLayer) {
    config.windows.assign(static_cast<std::size_t>(config.num_layers), window);
  }
  TRY_STATUS(take_tensor_facts(std::move(facts), config));
  TRY_STATUS(read_special_tokens(metadata, config));
  TRY_STATUS(validate(config));
  return config;
}

}  // namespace chitu
