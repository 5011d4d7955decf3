#include "model/registry.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "base/quote.h"
#include "model/arch/decoder.h"
#include "model/config_gguf.h"
#include "model/config_hf.h"
#include "model/config_limits.h"
#include "tensor/format/decode.h"

namespace chitu {
namespace {

Result<ModelConfig> from_hf(const Checkpoint& checkpoint, const FamilyTraits& traits) {
  return read_hf_config(checkpoint.config(), checkpoint.generation_config(), traits);
}

Result<ModelConfig> from_chatglm(const Checkpoint& checkpoint, const FamilyTraits& traits) {
  return read_chatglm_config(checkpoint.config(), checkpoint.generation_config(), traits);
}

Result<std::vector<float>> read_frequency_divisors(const Checkpoint& checkpoint) {
  constexpr std::string_view kName = "rope_freqs.weight";
  std::vector<float> divisors;
  const TensorEntry* entry = checkpoint.find(kName);
  if (entry == nullptr) return divisors;
  const int64_t count = entry->data.shape.elements();
  if (!can_decode(entry->data.dtype) || count > limits::kHeadDim) {
    return make_error(ErrorCode::kUnsupported,
                      "tensor \"{}\": {} values in format {}; expected at most {} in F32", kName,
                      count, name(entry->data.dtype), limits::kHeadDim);
  }
  divisors.resize(static_cast<std::size_t>(count));
  decode(entry->data.dtype, entry->data.data, divisors.data(), count);
  return divisors;
}

Result<ModelConfig> from_gguf(const Checkpoint& checkpoint, const FamilyTraits& traits) {
  const auto has = [&](std::string_view tensor) { return checkpoint.find(tensor) != nullptr; };
  GgufTensorFacts facts{
      .head = has("output.weight"),
      .qkv_bias = has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias"),
      .attention_out_bias = has("blk.0.attn_output.bias"),
      .mlp_bias = has("blk.0.ffn_down.bias"),
  };
  if (const TensorEntry* embedding = checkpoint.find("token_embd.weight")) {
    facts.vocab_size = embedding->data.rows();
  }
  TRY(divisors, read_frequency_divisors(checkpoint));
  facts.frequency_divisors = std::move(divisors);
  TRY(architecture, checkpoint.gguf().string("general.architecture"));
  return read_gguf_config(checkpoint.gguf(), architecture, std::move(facts), traits);
}

using Bias = FamilyTraits::Bias;
using Windows = FamilyTraits::Windows;
constexpr auto kHf = Checkpoint::Kind::kHuggingFace;
constexpr auto kGguf = Checkpoint::Kind::kGguf;

constexpr FamilyTraits kLlama = {.out_bias_follows_qkv = true};
constexpr FamilyTraits kMistral = {.windows = Windows::kEveryLayer, .num_kv_heads = 8};
constexpr FamilyTraits kQwen2 = {
    .qkv_bias = Bias::kAlways, .windows = Windows::kUpperLayers, .num_kv_heads = 32};
constexpr FamilyTraits kQwen3 = {.out_bias_follows_qkv = true,
                                 .qk_norm = true,
                                 .windows = Windows::kUpperLayers,
                                 .head_dim = 128,
                                 .num_kv_heads = 32};
constexpr FamilyTraits kGlm = {.qkv_bias = Bias::kUnlessSaid,
                               .interleaved_rope = true,
                               .partial_rotary_factor = 0.5,
                               .head_dim = 128,
                               .num_kv_heads = 2,
                               .rms_norm_eps = 1.5625e-07};
// llama.cpp's converter permutes the rows of q and k of these, so that pairs are neighbours.
constexpr FamilyTraits kGgufLlama = {.interleaved_rope = true, .windows = Windows::kEveryLayer};
constexpr FamilyTraits kGgufQwen2 = {.qkv_bias = Bias::kAlways};
constexpr FamilyTraits kGgufQwen3 = {.qk_norm = true};

// LLaMA 2 to 3.3, SmolLM2 and DeepSeek-R1-Distill-Llama call themselves LlamaForCausalLM; Qwen2,
// Qwen2.5 and DeepSeek-R1-Distill-Qwen Qwen2ForCausalLM; a Mistral in GGUF is a llama.
constexpr std::array<Architecture, 11> kArchitectures = {{
    {"LlamaForCausalLM", kHf, from_hf, kLlama, &kHuggingFaceNames, make_decoder},
    {"MistralForCausalLM", kHf, from_hf, kMistral, &kHuggingFaceNames, make_decoder},
    {"Qwen2ForCausalLM", kHf, from_hf, kQwen2, &kHuggingFaceNames, make_decoder},
    {"Qwen3ForCausalLM", kHf, from_hf, kQwen3, &kHuggingFaceNames, make_decoder},
    {"GlmForCausalLM", kHf, from_hf, kGlm, &kHuggingFaceNames, make_decoder},
    {"ChatGLMModel", kHf, from_chatglm, kGlm, &kChatGlmNames, make_decoder},
    {"ChatGLMForConditionalGeneration", kHf, from_chatglm, kGlm, &kChatGlmNames, make_decoder},
    {"llama", kGguf, from_gguf, kGgufLlama, &kGgufNames, make_decoder},
    {"qwen2", kGguf, from_gguf, kGgufQwen2, &kGgufNames, make_decoder},
    {"qwen3", kGguf, from_gguf, kGgufQwen3, &kGgufNames, make_decoder},
    {"chatglm", kGguf, from_gguf, kGlm, &kGgufStackedUpNames, make_decoder},
}};

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

Result<const Architecture*> find_architecture(std::string_view name, Checkpoint::Kind kind) {
  std::vector<std::string_view> known;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.kind != kind) continue;
    if (architecture.name == name) return &architecture;
    known.push_back(architecture.name);
  }
  return make_error(ErrorCode::kUnsupported,
                    "{} is not an architecture this version has; it has {}", quote(name),
                    fmt::join(known, ", "));
}

}  // namespace chitu
