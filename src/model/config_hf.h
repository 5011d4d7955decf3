// ModelConfig from the files of a Hugging Face directory.
#pragma once

#include "base/result.h"
#include "io/json.h"
#include "model/config.h"
#include "model/family.h"

namespace chitu {

// config.json as transformers' LlamaConfig, Qwen2Config and their like write it. `generation` is
// generation_config.json's, or nullptr. Errors name the field and what it should hold.
Result<ModelConfig> read_hf_config(const json::Object& config, const json::Object* generation,
                                   const FamilyTraits& traits);

// The names that ChatGLM's own code gives the same things: glm-4-9b before transformers knew it.
Result<ModelConfig> read_chatglm_config(const json::Object& config, const json::Object* generation,
                                        const FamilyTraits& traits);

// `rope_scaling` (transformers 4, with `type` or `rope_type`) or `rope_parameters` (transformers
// 5). REQUIRES: config.head_dim and config.max_position_embeddings are set.
Result<RopeConfig> read_hf_rope(const json::Object& object, const ModelConfig& config,
                                const FamilyTraits& traits);

}  // namespace chitu
