// What the files of a family of models leave unsaid: facts that its own code has built in.
#pragma once

#include <cstdint>

namespace chitu {

struct FamilyTraits {
  // Which layers a sliding window of the configuration applies to.
  enum class Windows : uint8_t {
    kNever,
    kEveryLayer,
    kUpperLayers,  // only with use_sliding_window: layer_types, or those from max_window_layers on
  };
  enum class Bias : uint8_t { kUnlessSaid, kIfSaid, kAlways };

  Bias qkv_bias = Bias::kIfSaid;
  bool out_bias_follows_qkv = false;  // attention_bias speaks of the output projection too
  bool qk_norm = false;
  bool interleaved_rope = false;
  double partial_rotary_factor = 1.0;
  Windows windows = Windows::kNever;

  // What transformers' configuration class of the family takes for a key that config.json lacks.
  int64_t head_dim = 0;           // 0: hidden_size / num_attention_heads
  int64_t num_kv_heads = 0;       // 0: num_attention_heads, which a null means everywhere
  int64_t sliding_window = 4096;  // a null is no window
  double rms_norm_eps = 1e-6;
};

}  // namespace chitu
