#include "model/config_gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "io/gguf.h"
#include "io/test_files.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file's metadata: a small llama, with entries put in the place of others.
class GgufConfigTest : public ::testing::Test {
 protected:
  GgufConfigTest() {
    for (const auto& [key, value] :
         std::initializer_list<std::pair<const char*, int64_t>>{{"embedding_length", 64},
                                                                {"feed_forward_length", 128},
                                                                {"block_count", 2},
                                                                {"attention.head_count", 4},
                                                                {"attention.head_count_kv", 2},
                                                                {"context_length", 2048}}) {
      integers_[std::string("llama.") + key] = value;
    }
    integers_["tokenizer.ggml.eos_token_id"] = 2;
  }

  void number(const std::string& key, float value) {
    others_.raw(key, static_cast<uint32_t>(GgufType::kFloat32), little_endian(value));
  }

  Result<ModelConfig> read(const FamilyTraits& traits = {}) {
    for (const auto& [key, value] : integers_) others_.integer(key, GgufType::kUint32, value);
    file_ = others_.bytes();
    const auto parsed = parse_gguf(std::as_bytes(std::span(file_)));
    EXPECT_TRUE(parsed.ok()) << parsed.error().message;
    return read_gguf_config(parsed->metadata, "llama", facts_, traits);
  }
  std::string error() {
    const auto config = read();
    return config.ok() ? "accepted" : config.error().message;
  }

  std::map<std::string, int64_t> integers_;
  GgufBytes others_;
  GgufTensorFacts facts_ = {.vocab_size = 1000};
  std::string file_;
};

TEST_F(GgufConfigTest, ReadsMetadataAndTensors) {
  number("llama.rope.freq_base", 500000.0F);
  number("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  facts_.qkv_bias = true;
  const auto config = read({.interleaved_rope = true});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->vocab_size, 1000);
  EXPECT_EQ(config->num_layers, 2);
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->rope.rotary_dim, 16);
  EXPECT_EQ(config->rope.theta, 500000.0);
  EXPECT_TRUE(config->rope.interleaved);
  EXPECT_TRUE(config->tie_word_embeddings);  // there is no output.weight
  EXPECT_TRUE(config->qkv_bias);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2));
}

TEST_F(GgufConfigTest, JoinsTheEndsOfTextTurnAndMessage) {
  integers_["tokenizer.ggml.eot_token_id"] = 9;
  integers_["tokenizer.ggml.eom_token_id"] = 2;
  EXPECT_THAT(read()->eos_token_ids, ElementsAre(2, 9));
}

TEST_F(GgufConfigTest, ReadsYarn) {
  others_.string("llama.rope.scaling.type", "yarn");
  number("llama.rope.scaling.factor", 4.0F);
  integers_["llama.rope.scaling.original_context_length"] = 512;
  const auto config = read();
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->rope.scaling, RopeConfig::Scaling::kYarn);
  EXPECT_EQ(config->rope.original_max_position, 512);
  EXPECT_NEAR(config->rope.attention_factor, 1.1386, 1e-4);
}

TEST_F(GgufConfigTest, ReadsTheOldNameOfLinearScaling) {
  number("llama.rope.scale_linear", 2.0F);
  const auto config = read();
  EXPECT_EQ(config->rope.scaling, RopeConfig::Scaling::kLinear);
  EXPECT_EQ(config->rope.factor, 2.0);
}

TEST_F(GgufConfigTest, TakesAFactorWithoutATypeForLinear) {
  number("llama.rope.scaling.factor", 4.0F);
  const auto config = read();
  EXPECT_EQ(config->rope.scaling, RopeConfig::Scaling::kLinear);
  EXPECT_EQ(config->rope.factor, 4.0);
  EXPECT_EQ(context_limit(*config), 8192);
}

TEST_F(GgufConfigTest, TakesAFactorOfZeroOrNoneForOne) {
  others_.string("llama.rope.scaling.type", "linear");
  EXPECT_EQ(read()->rope.scaling, RopeConfig::Scaling::kNone);
  others_ = {};
  number("llama.rope.scaling.factor", 0.0F);
  EXPECT_EQ(read()->rope.scaling, RopeConfig::Scaling::kNone);
}

TEST_F(GgufConfigTest, TurnsTheFamilysPartOfAHead) {
  EXPECT_EQ(read({.partial_rotary_factor = 0.5})->rope.rotary_dim, 8);
  others_ = {};
  integers_["llama.rope.dimension_count"] = 4;
  EXPECT_EQ(read({.partial_rotary_factor = 0.5})->rope.rotary_dim, 4);
}

TEST_F(GgufConfigTest, GivesEveryLayerAWindowWhereTheFamilyHasOne) {
  integers_["llama.attention.sliding_window"] = 32;
  EXPECT_THAT(read({.windows = FamilyTraits::Windows::kEveryLayer})->windows, ElementsAre(32, 32));
}

TEST_F(GgufConfigTest, RefusesZeroHeads) {
  integers_["llama.attention.head_count"] = 0;
  EXPECT_THAT(error(), HasSubstr("llama.attention.head_count: expected an integer in [1, 4096]"));
}

TEST_F(GgufConfigTest, RefusesHeadsThatDoNotDivide) {
  integers_["llama.attention.head_count"] = 5;
  EXPECT_THAT(error(), HasSubstr("llama.embedding_length: 64 is no multiple of the head count 5"));
}

TEST_F(GgufConfigTest, RefusesAMissingField) {
  integers_.erase("llama.block_count");
  EXPECT_THAT(error(), HasSubstr("llama.block_count"));
}

TEST_F(GgufConfigTest, RefusesExperts) {
  integers_["llama.expert_count"] = 8;
  EXPECT_THAT(error(), HasSubstr("llama.expert_count: a mixture of 8 experts"));
}

TEST_F(GgufConfigTest, RefusesValuesOfAnotherSizeThanKeys) {
  integers_["llama.attention.value_length"] = 8;
  EXPECT_THAT(error(), HasSubstr("llama.attention.value_length: 8 differs from the keys' 16"));
}

TEST_F(GgufConfigTest, RefusesUnknownScaling) {
  others_.string("llama.rope.scaling.type", "longrope");
  EXPECT_THAT(error(), HasSubstr("llama.rope.scaling.type: 'longrope' is not a scaling"));
}

TEST_F(GgufConfigTest, RefusesAFileWithoutAnEmbedding) {
  facts_.vocab_size = 0;
  EXPECT_THAT(error(), HasSubstr("token_embd.weight"));
}

TEST_F(GgufConfigTest, RefusesWrongFrequencyDivisors) {
  facts_.frequency_divisors.assign(7, 1.0F);
  EXPECT_THAT(error(), HasSubstr("rope_freqs.weight"));
  facts_.frequency_divisors.assign(8, 0.0F);
  others_ = {};
  EXPECT_THAT(error(), HasSubstr("expected positive numbers, found 0"));
}

TEST_F(GgufConfigTest, TakesAnEndBeyondTheVocabularyForAbsent) {
  integers_["tokenizer.ggml.eos_token_id"] = 4294967295;
  integers_["tokenizer.ggml.eot_token_id"] = 9;
  EXPECT_THAT(read()->eos_token_ids, ElementsAre(9));
}

}  // namespace
}  // namespace chitu
