#include "model/config_hf.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/counted.h"
#include "base/quote.h"
#include "model/config_limits.h"

namespace chitu {
namespace {

using json::Fields;

// Packed weights and their scales are tensors of their own, which no loader here understands.
Status refuse_quantized(const Fields& fields) {
  static constexpr std::string_view kKey = "quantization_config";
  if (!fields.has(kKey)) return {};
  TRY(quantization, fields.object(kKey));
  TRY(method, Fields(*quantization).string_or("quant_method", "unknown"));
  return make_error(ErrorCode::kUnsupported,
                    "{}: the weights are quantized (quant_method {}), which this version does not "
                    "read in a Hugging Face directory; use the unquantized checkpoint, or a GGUF "
                    "file of the model",
                    kKey, quote(method));
}

Result<Activation> read_activation(const Fields& fields, std::string_view key) {
  static constexpr std::array<std::pair<std::string_view, Activation>, 5> kNames = {{
      {"silu", Activation::kSilu},
      {"swish", Activation::kSilu},
      {"gelu", Activation::kGelu},
      {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"gelu_new", Activation::kGeluTanh},
  }};
  TRY(name, fields.string_or(key, "silu"));
  for (const auto& [known, activation] : kNames) {
    if (name == known) return activation;
  }
  return make_error(ErrorCode::kUnsupported,
                    "{}: {} is not an activation this version has (silu, gelu, "
                    "gelu_pytorch_tanh)",
                    key, quote(name));
}

Result<std::vector<int64_t>> read_token_ids(const Fields& fields, std::string_view key) {
  const json::Value* value = fields.find(key);
  std::vector<int64_t> ids;
  if (value == nullptr) return ids;
  const json::Array items = value->is_array() ? value->get_array() : json::Array{*value};
  for (const json::Value& item : items) {
    if (!item.is_int64()) {
      return make_error(ErrorCode::kInvalidArgument, "{}: expected token ids, found {}", key,
                        json::kind_name(item));
    }
    ids.push_back(item.get_int64());
  }
  return ids;
}

// generation_config.json overrides config.json, whose ids many chat models leave at the base
// model's; so both count as ends.
Status read_special_tokens(const Fields& fields, const json::Object* generation,
                           ModelConfig& config) {
  TRY(eos, read_token_ids(fields, "eos_token_id"));
  config.eos_token_ids = std::move(eos);
  if (generation != nullptr) {
    auto more = read_token_ids(Fields(*generation), "eos_token_id");
    if (!more) return std::move(more).error().within("generation_config.json");
    for (const int64_t id : *more) {
      const auto& known = config.eos_token_ids;
      if (std::find(known.begin(), known.end(), id) == known.end()) {
        config.eos_token_ids.push_back(id);
      }
    }
  }
  drop_unknown_end_tokens(config);
  return {};
}

Result<int64_t> read_head_dim(const Fields& fields, const ModelConfig& config,
                              const FamilyTraits& traits) {
  if (fields.has("head_dim") || traits.head_dim != 0) {
    return fields.integer_or("head_dim", traits.head_dim, 1, limits::kHeadDim);
  }
  if (config.hidden_size % config.num_heads != 0) {
    return make_error(ErrorCode::kInvalidArgument,
                      "hidden_size: {} is no multiple of num_attention_heads {}, and there is no "
                      "head_dim; the file does not describe a model",
                      config.hidden_size, config.num_heads);
  }
  return config.hidden_size / config.num_heads;
}

Status read_sizes(const Fields& fields, const FamilyTraits& traits, ModelConfig& config) {
  TRY(vocab, fields.integer("vocab_size", 1, limits::kVocab));
  TRY(hidden, fields.integer("hidden_size", 1, limits::kHidden));
  TRY(intermediate, fields.integer("intermediate_size", 1, limits::kIntermediate));
  TRY(layers, fields.integer("num_hidden_layers", 1, limits::kLayers));
  TRY(heads, fields.integer("num_attention_heads", 1, limits::kHeads));
  const bool family_kv_heads = traits.num_kv_heads > 0 && !fields.mentions("num_key_value_heads");
  TRY(kv_heads,
      fields.integer_or("num_key_value_heads", family_kv_heads ? traits.num_kv_heads : heads, 1,
                        limits::kHeads));
  TRY(positions, fields.integer("max_position_embeddings", 1, limits::kPositions));
  config.vocab_size = vocab;
  config.hidden_size = hidden;
  config.intermediate_size = intermediate;
  config.num_layers = layers;
  config.num_heads = heads;
  config.num_kv_heads = kv_heads;
  config.max_position_embeddings = positions;
  TRY(head_dim, read_head_dim(fields, config, traits));
  config.head_dim = head_dim;
  return {};
}

Status read_biases(const Fields& fields, const FamilyTraits& traits, ModelConfig& config) {
  TRY(said,
      fields.boolean_or("attention_bias", traits.qkv_bias == FamilyTraits::Bias::kUnlessSaid));
  config.qkv_bias = said || traits.qkv_bias == FamilyTraits::Bias::kAlways;
  config.attention_out_bias = said && traits.out_bias_follows_qkv;
  TRY(mlp, fields.boolean_or("mlp_bias", false));
  config.mlp_bias = mlp;
  return {};
}

// layer_types: ["full_attention", "sliding_attention", ...], one for each layer.
Result<std::vector<int64_t>> windows_by_layer_type(const Fields& fields, int64_t layers,
                                                   int64_t window) {
  TRY(types, fields.array("layer_types"));
  if (static_cast<int64_t>(types->size()) != layers) {
    return make_error(ErrorCode::kInvalidArgument, "layer_types: names {} for num_hidden_layers {}",
                      counted(types->size(), "layer"), layers);
  }
  std::vector<int64_t> windows;
  for (const json::Value& type : *types) {
    const std::string_view kind = type.is_string() ? std::string_view(type.get_string()) : "";
    if (kind != "full_attention" && kind != "sliding_attention") {
      return make_error(ErrorCode::kUnsupported,
                        "layer_types: layer {} is {}; this version has full_attention and "
                        "sliding_attention",
                        windows.size(), quote(kind));
    }
    windows.push_back(kind == "sliding_attention" ? window : 0);
  }
  return windows;
}

Result<std::vector<int64_t>> read_windows(const Fields& fields, const FamilyTraits& traits,
                                          int64_t layers) {
  const std::vector<int64_t> none;
  if (traits.windows == FamilyTraits::Windows::kNever) return none;
  TRY(window, fields.integer_or("sliding_window",
                                fields.mentions("sliding_window") ? 0 : traits.sliding_window, 1,
                                limits::kPositions));
  if (window == 0) return none;
  if (traits.windows == FamilyTraits::Windows::kEveryLayer) {
    return std::vector<int64_t>(static_cast<std::size_t>(layers), window);
  }
  TRY(use, fields.boolean_or("use_sliding_window", false));
  if (!use) return none;
  if (fields.has("layer_types")) return windows_by_layer_type(fields, layers, window);
  TRY(first, fields.integer_or("max_window_layers", 28, 0, limits::kLayers));
  std::vector<int64_t> windows(static_cast<std::size_t>(layers), 0);
  for (int64_t layer = first; layer < layers; ++layer) {
    windows[static_cast<std::size_t>(layer)] = window;
  }
  return windows;
}

// Gemma 2's names; 0 is none.
Status read_softcaps(const Fields& fields, ModelConfig& config) {
  TRY(attention, fields.number_or("attn_logit_softcapping", 0.0));
  TRY(logits, fields.number_or("final_logit_softcapping", 0.0));
  config.attention_softcap = attention;
  config.logit_softcap = logits;
  return {};
}

}  // namespace

Result<ModelConfig> read_hf_config(const json::Object& object, const json::Object* generation,
                                   const FamilyTraits& traits) {
  const Fields fields(object);
  TRY_STATUS(refuse_quantized(fields));
  ModelConfig config;
  TRY_STATUS(read_sizes(fields, traits, config));
  TRY_STATUS(read_biases(fields, traits, config));
  TRY_STATUS(read_softcaps(fields, config));
  TRY_STATUS(read_special_tokens(fields, generation, config));
  TRY(eps, fields.number_or("rms_norm_eps", traits.rms_norm_eps));
  TRY(activation, read_activation(fields, "hidden_act"));
  TRY(tied, fields.boolean_or("tie_word_embeddings", false));
  TRY(windows, read_windows(fields, traits, config.num_layers));
  TRY(rope, read_hf_rope(object, config, traits));
  config.rms_norm_eps = eps;
  config.activation = activation;
  config.tie_word_embeddings = tied;
  config.windows = std::move(windows);
  config.rope = std::move(rope);
  config.qk_norm = traits.qk_norm;
  TRY_STATUS(validate(config));
  return config;
}

Result<ModelConfig> read_chatglm_config(const json::Object& object, const json::Object* generation,
                                        const FamilyTraits& traits) {
  const Fields fields(object);
  TRY_STATUS(refuse_quantized(fields));
  ModelConfig config;
  TRY(vocab, fields.integer("padded_vocab_size", 1, limits::kVocab));
  TRY(hidden, fields.integer("hidden_size", 1, limits::kHidden));
  TRY(intermediate, fields.integer("ffn_hidden_size", 1, limits::kIntermediate));
  TRY(layers, fields.integer("num_layers", 1, limits::kLayers));
  TRY(heads, fields.integer("num_attention_heads", 1, limits::kHeads));
  TRY(head_dim, fields.integer("kv_channels", 1, limits::kHeadDim));
  TRY(positions, fields.integer("seq_length", 1, limits::kPositions));
  TRY(grouped, fields.boolean_or("multi_query_attention", false));
  TRY(groups, fields.integer_or("multi_query_group_num", 1, 1, limits::kHeads));
  TRY(eps, fields.number_or("layernorm_epsilon", 1e-5));
  TRY(qkv_bias, fields.boolean_or("add_qkv_bias", false));
  TRY(bias, fields.boolean_or("add_bias_linear", false));
  TRY(tied, fields.boolean_or("tie_word_embeddings", false));
  TRY(rope_ratio, fields.number_or("rope_ratio", 1.0));
  TRY(rms_norm, fields.boolean_or("rmsnorm", true));
  TRY(residual_after_norm, fields.boolean_or("apply_residual_connection_post_layernorm", false));
  if (!rms_norm || residual_after_norm) {
    return make_error(ErrorCode::kUnsupported,
                      "rmsnorm: false and apply_residual_connection_post_layernorm: true belong to "
                      "ChatGLM models before GLM-4, which this version does not have");
  }
  config = {.vocab_size = vocab,
            .hidden_size = hidden,
            .intermediate_size = intermediate,
            .num_layers = layers,
            .num_heads = heads,
            .num_kv_heads = grouped ? groups : heads,
            .head_dim = head_dim,
            .max_position_embeddings = positions,
            .rms_norm_eps = eps,
            .tie_word_embeddings = tied,
            .qkv_bias = qkv_bias || bias,
            .attention_out_bias = bias,
            .mlp_bias = bias};
  // modeling_chatglm.py: half of each head turns, in neighbouring pairs.
  config.rope = {.theta = 10000.0 * rope_ratio,
                 .rotary_dim = static_cast<int64_t>(static_cast<double>(head_dim) *
                                                    traits.partial_rotary_factor),
                 .interleaved = traits.interleaved_rope};
  TRY_STATUS(read_special_tokens(fields, generation, config));
  TRY_STATUS(validate(config));
  return config;
}

}  // namespace chitu
