#include "app/sampling_defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu::app {
namespace {

Result<SamplingOptions> read(std::string_view text) {
  const Result<json::Value> value = json::parse(text);
  return sampling_defaults(&value->get_object());
}

TEST(SamplingDefaults, AreTheCheckpoints) {
  const auto sampling =
      read(R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.1})");
  ASSERT_TRUE(sampling.ok()) << sampling.error().message;
  EXPECT_EQ(sampling->temperature, 0.6F);
  EXPECT_EQ(sampling->top_k, 20);
  EXPECT_EQ(sampling->top_p, 0.95F);
  EXPECT_EQ(sampling->min_p, 0.1F);
}

TEST(SamplingDefaults, AreGreedyUnlessTheCheckpointDraws) {
  EXPECT_EQ(sampling_defaults(nullptr)->temperature, 0.0F);
  EXPECT_EQ(read("{}")->temperature, 0.0F);
  EXPECT_EQ(read(R"({"top_p": 0.8})")->temperature, 0.0F);
  EXPECT_EQ(read(R"({"do_sample": false, "temperature": 0.7})")->temperature, 0.0F);
  EXPECT_EQ(read(R"({"do_sample": true})")->temperature, 1.0F);
  EXPECT_EQ(read(R"({"temperature": 0.7, "top_k": -1})")->temperature, 0.7F);
  EXPECT_EQ(read(R"({"temperature": 0.7, "top_k": -1})")->top_k, 0);
}

TEST(SamplingDefaults, NameWhatIsWrong) {
  EXPECT_THAT(read(R"({"temperature": "warm"})").error().message,
              testing::HasSubstr("generation_config.json: temperature: expected a finite number"));
  EXPECT_EQ(read(R"({"do_sample": true, "top_p": 1.5})").error().message,
            "generation_config.json: top_p: expected a number in [0, 1], found 1.5");
  EXPECT_FALSE(read(R"({"do_sample": true, "temperature": -1})").ok());
  EXPECT_FALSE(read(R"({"do_sample": true, "top_k": 1e30})").ok());
}

TEST(DecidedByCheckpoint, IsWhatTheSettingsLeaveToIt) {
  const SamplingOptions own{.temperature = 0.6F, .top_k = 20, .top_p = 0.95F};
  Settings settings;
  EXPECT_EQ(decided_by_checkpoint(settings, own), "temperature 0.6, top_k 20, top_p 0.95");
  EXPECT_EQ(decided_by_checkpoint(settings, {}), "");
  ASSERT_TRUE(settings.set("request.top_k", "0").ok());
  ASSERT_TRUE(settings.set("request.temperature", "1").ok());
  EXPECT_EQ(decided_by_checkpoint(settings, own), "top_p 0.95");
  EXPECT_EQ(sampling_of(settings, own).temperature, 1.0F);
  EXPECT_EQ(sampling_of(settings, own).top_k, 0);
  EXPECT_EQ(sampling_of(settings, own).top_p, 0.95F);
  ASSERT_TRUE(settings.set("request.temperature", "0").ok());
  EXPECT_EQ(decided_by_checkpoint(settings, own), "") << "the likeliest token is taken";
}

}  // namespace
}  // namespace chitu::app
