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
  int64_t head_dim = 0;  // where the file has none; 0: hidden_size / num_attention_heads
  Windows windows = Windows::kNever;
};

}  // namespace chitu
