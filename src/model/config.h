// What an architecture's config.json or GGUF metadata says, under one set of names. Differences
// between the decoder families are data here, not code in the decoder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ops/descs.h"

namespace chitu {

struct RopeConfig {
  enum class Scaling : uint8_t { kNone, kLinear, kDynamicNtk, kLlama3, kYarn };

  double theta = 10000.0;
  int64_t rotary_dim = 0;    // even, <= head_dim; the rest of a head is not rotated
  bool interleaved = false;  // pairs (2i, 2i + 1) instead of (i, i + rotary_dim / 2)
  Scaling scaling = Scaling::kNone;
  double factor = 1.0;
  int64_t original_max_position = 0;      // of all scalings: the length before it
  double low_freq_factor = 1.0;           // llama3
  double high_freq_factor = 4.0;          // llama3
  double beta_fast = 32.0;                // yarn
  double beta_slow = 1.0;                 // yarn
  bool truncate = true;                   // yarn: round the correction range to whole dimensions
  double attention_factor = 1.0;          // of cos and sin; YaRN's
  std::vector<float> frequency_divisors;  // [rotary_dim / 2], GGUF's rope_freqs.weight; empty: none
};

struct ModelConfig {
  std::string architecture;  // as the file names it: a row of registry.cc
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  Activation activation = Activation::kSilu;
  RopeConfig rope;
  bool tie_word_embeddings = false;
  bool qkv_bias = false;
  bool attention_out_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;
  std::vector<int64_t> windows;  // sliding window of each layer, 0: none; empty: none anywhere
  double attention_softcap = 0.0;
  double logit_softcap = 0.0;
  std::vector<int64_t> eos_token_ids;  // each in the vocabulary
};

// The longest context that the model was made for: max_position_embeddings, or with linear, dynamic
// or YaRN scaling its factor times the original length, if that is more. Files state scaling for
// use beyond max_position_embeddings, which many leave at the original length.
int64_t context_limit(const ModelConfig& config);

// Takes ids outside the vocabulary out of eos_token_ids: no token can be the end that they name.
void drop_unknown_end_tokens(ModelConfig& config);

// How the numbers must fit together, beyond the range of each; the readers of files end with it.
Status validate(const ModelConfig& config);

}  // namespace chitu
