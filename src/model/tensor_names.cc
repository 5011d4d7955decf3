#include "model/tensor_names.h"

#include <fmt/format.h>

namespace chitu {

const TensorNames kHuggingFaceNames = {
    .embedding = "model.embed_tokens",
    .final_norm = "model.norm",
    .head = "lm_head",
    .attention_norm = "model.layers.{}.input_layernorm",
    .q = "model.layers.{}.self_attn.q_proj",
    .k = "model.layers.{}.self_attn.k_proj",
    .v = "model.layers.{}.self_attn.v_proj",
    .qkv = "",
    .attention_out = "model.layers.{}.self_attn.o_proj",
    .q_norm = "model.layers.{}.self_attn.q_norm",
    .k_norm = "model.layers.{}.self_attn.k_norm",
    .ffn_norm = "model.layers.{}.post_attention_layernorm",
    .gate = "model.layers.{}.mlp.gate_proj",
    .up = "model.layers.{}.mlp.up_proj",
    .gate_up = "model.layers.{}.mlp.gate_up_proj",
    .down = "model.layers.{}.mlp.down_proj",
};

const TensorNames kChatGlmNames = {
    .embedding = "transformer.embedding.word_embeddings",
    .final_norm = "transformer.encoder.final_layernorm",
    .head = "transformer.output_layer",
    .attention_norm = "transformer.encoder.layers.{}.input_layernorm",
    .q = "",
    .k = "",
    .v = "",
    .qkv = "transformer.encoder.layers.{}.self_attention.query_key_value",
    .attention_out = "transformer.encoder.layers.{}.self_attention.dense",
    .q_norm = "",
    .k_norm = "",
    .ffn_norm = "transformer.encoder.layers.{}.post_attention_layernorm",
    .gate = "",
    .up = "",
    .gate_up = "transformer.encoder.layers.{}.mlp.dense_h_to_4h",
    .down = "transformer.encoder.layers.{}.mlp.dense_4h_to_h",
};

const TensorNames kGgufNames = {
    .embedding = "token_embd",
    .final_norm = "output_norm",
    .head = "output",
    .attention_norm = "blk.{}.attn_norm",
    .q = "blk.{}.attn_q",
    .k = "blk.{}.attn_k",
    .v = "blk.{}.attn_v",
    .qkv = "blk.{}.attn_qkv",
    .attention_out = "blk.{}.attn_output",
    .q_norm = "blk.{}.attn_q_norm",
    .k_norm = "blk.{}.attn_k_norm",
    .ffn_norm = "blk.{}.ffn_norm",
    .gate = "blk.{}.ffn_gate",
    .up = "blk.{}.ffn_up",
    .gate_up = "",
    .down = "blk.{}.ffn_down",
};

const TensorNames kGgufStackedUpNames = [] {
  TensorNames names = kGgufNames;
  names.gate = "";
  names.up = "";
  names.gate_up = "blk.{}.ffn_up";
  return names;
}();

std::string layer_name(std::string_view pattern, int64_t layer) {
  return fmt::format(fmt::runtime(pattern), layer);
}

}  // namespace chitu
