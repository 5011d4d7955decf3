#include "model/config_hf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Scaling = RopeConfig::Scaling;

constexpr FamilyTraits kPlain = {};
constexpr FamilyTraits kEveryLayer = {.windows = FamilyTraits::Windows::kEveryLayer};
constexpr FamilyTraits kUpperLayers = {.windows = FamilyTraits::Windows::kUpperLayers};

constexpr std::string_view kBase = R"({
  "vocab_size": 1000, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
  "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048,
  "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2})";

// kBase with fields replaced; a null removes one.
json::Object with(std::string_view changes) {
  json::Object config = json::parse(kBase)->get_object();
  const json::Value replaced = json::parse(changes).value();
  for (const auto& [key, value] : replaced.get_object()) config[key] = value;
  return config;
}

ModelConfig read(std::string_view changes, const FamilyTraits& traits = kPlain) {
  auto config = read_hf_config(with(changes), nullptr, traits);
  EXPECT_TRUE(config.ok()) << config.error().message;
  return config.ok() ? *config : ModelConfig{};
}

std::string error_of(std::string_view changes, const FamilyTraits& traits = kPlain) {
  const auto config = read_hf_config(with(changes), nullptr, traits);
  return config.ok() ? "accepted" : config.error().message;
}

TEST(HfConfig, ReadsWhatIsSaid) {
  const ModelConfig config = read(R"({"tie_word_embeddings": true, "hidden_act": "gelu_new",
                                      "mlp_bias": true, "rope_theta": 500000})");
  EXPECT_EQ(config.vocab_size, 1000);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.num_kv_heads, 2);
  EXPECT_EQ(config.rms_norm_eps, 1e-5);
  EXPECT_EQ(config.activation, Activation::kGeluTanh);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_TRUE(config.mlp_bias);
  EXPECT_EQ(config.rope.theta, 500000.0);
  EXPECT_EQ(config.rope.rotary_dim, 16);
  EXPECT_THAT(config.eos_token_ids, ElementsAre(2));
  EXPECT_THAT(config.windows, IsEmpty());
}

TEST(HfConfig, HasTheDefaultsOfTransformers) {
  const ModelConfig config = read(R"({"num_key_value_heads": null, "rms_norm_eps": null,
                                      "bos_token_id": null, "eos_token_id": null})");
  EXPECT_EQ(config.num_kv_heads, 4);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.activation, Activation::kSilu);
  EXPECT_EQ(config.rope.theta, 10000.0);
  EXPECT_EQ(config.rope.scaling, Scaling::kNone);
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_THAT(config.eos_token_ids, IsEmpty());
}

// A key that is absent is the configuration class's default, a null is "none" or "all heads".
TEST(HfConfig, HasTheFamilysDefaultsForAbsentKeys) {
  json::Object config = with("{}");
  for (const char* key : {"num_key_value_heads", "rms_norm_eps"}) config.erase(key);
  const FamilyTraits family = {.windows = FamilyTraits::Windows::kEveryLayer,
                               .num_kv_heads = 1,
                               .sliding_window = 5,
                               .rms_norm_eps = 1e-3};
  const ModelConfig absent = *read_hf_config(config, nullptr, family);
  EXPECT_EQ(absent.num_kv_heads, 1);
  EXPECT_EQ(absent.rms_norm_eps, 1e-3);
  EXPECT_THAT(absent.windows, ElementsAre(5, 5, 5, 5));
  EXPECT_EQ(read_hf_config(config, nullptr, kPlain)->num_kv_heads, 4);
  const ModelConfig null = read(R"({"num_key_value_heads": null, "sliding_window": null})", family);
  EXPECT_EQ(null.num_kv_heads, 4);
  EXPECT_THAT(null.windows, IsEmpty());
}

TEST(HfConfig, TakesHeadDimFromTheFileThenTheFamilyThenTheSizes) {
  constexpr FamilyTraits kWide = {.head_dim = 128};
  EXPECT_EQ(read(R"({"head_dim": 24})", kWide).head_dim, 24);
  EXPECT_EQ(read("{}", kWide).head_dim, 128);
  EXPECT_EQ(read("{}").head_dim, 16);
}

TEST(HfConfig, JoinsTheEndTokensOfBothFiles) {
  const json::Object config = with(R"({"eos_token_id": 7})");
  const json::Object generation = json::parse(R"({"eos_token_id": [9, 7]})")->get_object();
  EXPECT_THAT(read_hf_config(config, &generation, kPlain)->eos_token_ids, ElementsAre(7, 9));
  const json::Object wrong = json::parse(R"({"eos_token_id": ["x"]})")->get_object();
  EXPECT_THAT(read_hf_config(config, &wrong, kPlain).error().message,
              HasSubstr("generation_config.json: eos_token_id: expected token ids"));
}

TEST(HfConfig, TakesEndsOutsideTheVocabularyForAbsent) {
  EXPECT_THAT(read(R"({"eos_token_id": [1000, 2, -1]})").eos_token_ids, ElementsAre(2));
  EXPECT_THAT(read(R"({"eos_token_id": 1000, "bos_token_id": [1]})").eos_token_ids, IsEmpty());
}

TEST(HfConfig, RefusesQuantizedWeights) {
  constexpr std::string_view kGptq =
      R"({"quantization_config": {"quant_method": "gptq", "bits": 4}})";
  EXPECT_THAT(error_of(kGptq), HasSubstr("quant_method 'gptq'"));
  EXPECT_THAT(error_of(kGptq), HasSubstr("use the unquantized checkpoint, or a GGUF file"));
  EXPECT_EQ(read_hf_config(with(kGptq), nullptr, kPlain).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(error_of(R"({"quantization_config": null})"), "accepted");
}

TEST(HfConfig, FollowsTheFamilyInBiases) {
  constexpr FamilyTraits kAlways = {.qkv_bias = FamilyTraits::Bias::kAlways};
  constexpr FamilyTraits kUnlessSaid = {.qkv_bias = FamilyTraits::Bias::kUnlessSaid};
  constexpr FamilyTraits kOutToo = {.out_bias_follows_qkv = true};
  EXPECT_FALSE(read("{}").qkv_bias);
  EXPECT_TRUE(read("{}", kAlways).qkv_bias);
  EXPECT_TRUE(read("{}", kUnlessSaid).qkv_bias);
  EXPECT_FALSE(read(R"({"attention_bias": false})", kUnlessSaid).qkv_bias);
  EXPECT_FALSE(read(R"({"attention_bias": true})").attention_out_bias);
  EXPECT_TRUE(read(R"({"attention_bias": true})", kOutToo).attention_out_bias);
}

TEST(HfConfig, AppliesSlidingWindowsAsTheFamilyDoes) {
  EXPECT_THAT(read(R"({"sliding_window": 8})").windows, IsEmpty());
  EXPECT_THAT(read(R"({"sliding_window": 8})", kEveryLayer).windows, ElementsAre(8, 8, 8, 8));
  EXPECT_THAT(read(R"({"sliding_window": null})", kEveryLayer).windows, IsEmpty());
  // Qwen2 names a window that it does not use.
  EXPECT_THAT(read(R"({"sliding_window": 8})", kUpperLayers).windows, IsEmpty());
  EXPECT_THAT(read(R"({"sliding_window": 8, "use_sliding_window": true, "max_window_layers": 3})",
                   kUpperLayers)
                  .windows,
              ElementsAre(0, 0, 0, 8));
  EXPECT_THAT(read(R"({"sliding_window": 8, "use_sliding_window": true,
               "layer_types": ["sliding_attention", "full_attention", "full_attention",
                               "sliding_attention"]})",
                   kUpperLayers)
                  .windows,
              ElementsAre(8, 0, 0, 8));
}

TEST(HfConfig, FindsRopeScalingUnderBothNames) {
  const ModelConfig old = read(R"({"rope_theta": 77777,
      "rope_scaling": {"type": "linear", "factor": 2}})");
  const ModelConfig now = read(R"({"rope_parameters":
      {"rope_type": "linear", "factor": 2, "rope_theta": 77777}})");
  for (const ModelConfig& config : {old, now}) {
    EXPECT_EQ(config.rope.scaling, Scaling::kLinear);
    EXPECT_EQ(config.rope.factor, 2.0);
    EXPECT_EQ(config.rope.theta, 77777.0);
  }
  const ModelConfig partial = read(R"({"partial_rotary_factor": 0.5})");
  EXPECT_EQ(partial.rope.rotary_dim, 8);
}

TEST(HfConfig, MeasuresDynamicScalingAgainstTheContextLength) {
  const ModelConfig config = read(R"({"rope_scaling": {"type": "dynamic", "factor": 2.0,
      "original_max_position_embeddings": 99}})");
  EXPECT_EQ(config.rope.original_max_position, 2048);
}

TEST(HfConfig, ScalesTheContextLimit) {
  const auto limit = [](std::string_view scaling) {
    return context_limit(read(R"({"rope_scaling": )" + std::string(scaling) + "}"));
  };
  EXPECT_EQ(limit("null"), 2048);
  EXPECT_EQ(limit(R"({"type": "linear", "factor": 4})"), 8192);
  EXPECT_EQ(limit(R"({"type": "dynamic", "factor": 2.0})"), 4096);
  // As Qwen2.5 says it, and as files whose max_position_embeddings is the scaled length do.
  EXPECT_EQ(limit(R"({"type": "yarn", "factor": 4, "original_max_position_embeddings": 2048})"),
            8192);
  EXPECT_EQ(limit(R"({"type": "yarn", "factor": 4, "original_max_position_embeddings": 512})"),
            2048);
  EXPECT_EQ(limit(R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                      "high_freq_factor": 4, "original_max_position_embeddings": 1024})"),
            2048);
  EXPECT_EQ(limit(R"({"type": "linear", "factor": 1e6})"), int64_t{1} << 30);  // no further
}

struct Wrong {
  std::string_view changes;
  std::string_view message;
};

TEST(HfConfig, RefusesWhatIsNoModel) {
  const std::vector<Wrong> wrongs = {
      {R"({"num_attention_heads": 0})", "num_attention_heads: expected an integer in [1, 4096]"},
      {R"({"num_attention_heads": -4})", "num_attention_heads"},
      {R"({"num_attention_heads": 5})", "hidden_size: 64 is no multiple of num_attention_heads 5"},
      {R"({"num_key_value_heads": 0})", "num_key_value_heads"},
      {R"({"num_key_value_heads": 3})", "num_key_value_heads: 3 does not divide"},
      {R"({"num_key_value_heads": 8})", "num_key_value_heads: 8 does not divide"},
      {R"({"vocab_size": null})", "vocab_size"},
      {R"({"vocab_size": 1e300})", "vocab_size"},
      {R"({"hidden_size": "64"})", "hidden_size: expected an integer"},
      {R"({"hidden_size": 9223372036854775807})", "hidden_size"},
      {R"({"num_hidden_layers": 1000000000})", "num_hidden_layers"},
      {R"({"intermediate_size": 0})", "intermediate_size"},
      {R"({"max_position_embeddings": 0})", "max_position_embeddings"},
      {R"({"head_dim": 0})", "head_dim"},
      {R"({"head_dim": 15})", "rotary dimension: expected an even number in [2, 15]"},
      {R"({"rms_norm_eps": 0})", "rms_norm_eps: expected a number in (0, 1), found 0"},
      {R"({"rms_norm_eps": -1e-5})", "rms_norm_eps"},
      {R"({"hidden_act": "relu2"})", "hidden_act: 'relu2' is not an activation"},
      {R"({"eos_token_id": [2, "x"]})", "eos_token_id: expected token ids, found a string"},
      {R"({"eos_token_id": 2.5})", "eos_token_id: expected token ids, found a number"},
      {R"({"rope_theta": 0})", "rope_theta: expected a number above 1"},
      {R"({"rope_theta": -10000.0})", "rope_theta"},
      {R"({"partial_rotary_factor": 0})", "partial_rotary_factor"},
      {R"({"partial_rotary_factor": 1.5})", "partial_rotary_factor"},
      {R"({"partial_rotary_factor": 0.01})", "rotary dimension"},
      {R"({"final_logit_softcapping": -3})", "soft-cap"},
  };
  for (const Wrong& wrong : wrongs) {
    EXPECT_THAT(error_of(wrong.changes), HasSubstr(std::string(wrong.message)));
  }
}

TEST(HfConfig, RefusesScalingItDoesNotKnow) {
  const std::vector<Wrong> wrongs = {
      {R"({"type": "longrope", "factor": 2})", "rope_scaling: type: 'longrope' is not a scaling"},
      {R"({"rope_type": 3})", "rope_scaling: rope_type: expected a string"},
      {R"({"type": "linear"})", "rope_scaling: factor"},
      {R"({"type": "linear", "factor": 0.5})", "rope scaling factor"},
      {R"({"type": "linear", "factor": "two"})", "rope_scaling: factor: expected a finite number"},
      {R"({"type": "llama3", "factor": 8})", "rope_scaling: low_freq_factor"},
      {R"({"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4})",
       "expected 0 < low_freq_factor < high_freq_factor, found 4 and 4"},
      {R"({"type": "yarn", "factor": 4, "original_max_position_embeddings": 0})",
       "original_max_position_embeddings"},
      {R"({"type": "yarn", "factor": 4, "beta_fast": 1, "beta_slow": 2})",
       "expected 0 < beta_slow <= beta_fast"},
      {R"({"full_attention": {}, "sliding_attention": {}})", "for each kind of layer"},
  };
  for (const Wrong& wrong : wrongs) {
    const std::string changes = R"({"rope_scaling": )" + std::string(wrong.changes) + "}";
    EXPECT_THAT(error_of(changes), HasSubstr(std::string(wrong.message)));
  }
  EXPECT_THAT(error_of(R"({"rope_scaling": [1]})"), HasSubstr("rope_scaling: expected an object"));
}

TEST(HfConfig, RefusesWrongLayerTypes) {
  const auto error = [](std::string_view types) {
    return error_of(R"({"sliding_window": 8, "use_sliding_window": true, "layer_types": )" +
                        std::string(types) + "}",
                    kUpperLayers);
  };
  EXPECT_THAT(error(R"(["full_attention"])"), HasSubstr("layer_types: names 1 layer for"));
  EXPECT_THAT(error(R"(["full_attention", "full_attention", "linear_attention", 3])"),
              HasSubstr("layer_types: layer 2 is 'linear_attention'"));
}

constexpr std::string_view kChatGlm = R"({
  "padded_vocab_size": 512, "hidden_size": 64, "ffn_hidden_size": 96, "num_layers": 2,
  "num_attention_heads": 4, "kv_channels": 16, "multi_query_attention": true,
  "multi_query_group_num": 2, "seq_length": 131072, "layernorm_epsilon": 1.5625e-07,
  "add_qkv_bias": true, "add_bias_linear": false, "rope_ratio": 500,
  "eos_token_id": [9, 10, 11]})";
constexpr FamilyTraits kGlmTraits = {.interleaved_rope = true, .partial_rotary_factor = 0.5};

TEST(ChatGlmConfig, ReadsItsOwnNames) {
  const auto config = read_chatglm_config(json::parse(kChatGlm)->get_object(), nullptr, kGlmTraits);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->vocab_size, 512);
  EXPECT_EQ(config->intermediate_size, 96);
  EXPECT_EQ(config->num_kv_heads, 2);
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->rope.rotary_dim, 8);
  EXPECT_EQ(config->rope.theta, 5000000.0);
  EXPECT_TRUE(config->rope.interleaved);
  EXPECT_TRUE(config->qkv_bias);
  EXPECT_FALSE(config->mlp_bias);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(9, 10, 11));
}

TEST(ChatGlmConfig, RefusesOlderModels) {
  json::Object object = json::parse(kChatGlm)->get_object();
  object["rmsnorm"] = false;
  EXPECT_THAT(read_chatglm_config(object, nullptr, kGlmTraits).error().message,
              HasSubstr("before GLM-4"));
}

}  // namespace
}  // namespace chitu
