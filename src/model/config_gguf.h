// ModelConfig from the metadata of a GGUF file.
#pragma once

#include <vector>

#include "base/result.h"
#include "io/gguf_metadata.h"
#include "model/config.h"
#include "model/family.h"

namespace chitu {

// What a GGUF file says by which tensors it has.
struct GgufTensorFacts {
  int64_t vocab_size = 0;  // rows of token_embd.weight; 0: there is none
  bool head = false;       // output.weight; without it the embedding serves for both
  bool qkv_bias = false;
  bool attention_out_bias = false;
  bool mlp_bias = false;
  std::vector<float> frequency_divisors;  // rope_freqs.weight: llama3 scaling, already worked out
};

// `architecture` is general.architecture, the prefix of the keys. Errors name the key.
Result<ModelConfig> read_gguf_config(const GgufMetadata& metadata, std::string_view architecture,
                                     GgufTensorFacts facts, const FamilyTraits& traits);

}  // namespace chitu
