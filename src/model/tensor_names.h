// What checkpoints call the parts of a decoder. "{}" stands for the layer's index; the tensors are
// these names with ".weight" and ".bias". A name is empty where a scheme has no such tensor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace chitu {

struct TensorNames {
  std::string_view embedding;
  std::string_view final_norm;
  std::string_view head;

  std::string_view attention_norm;
  std::string_view q;
  std::string_view k;
  std::string_view v;
  std::string_view qkv;  // the three stacked, in place of them
  std::string_view attention_out;
  std::string_view q_norm;
  std::string_view k_norm;

  std::string_view ffn_norm;
  std::string_view gate;
  std::string_view up;
  std::string_view gate_up;  // the two stacked, in place of them
  std::string_view down;
};

extern const TensorNames kHuggingFaceNames;
extern const TensorNames kChatGlmNames;
extern const TensorNames kGgufNames;
// GGUF files of GLM-4 have gate and up stacked under the name of up.
extern const TensorNames kGgufStackedUpNames;

// "blk.{}.attn_q" -> "blk.3.attn_q"
std::string layer_name(std::string_view pattern, int64_t layer);

}  // namespace chitu
