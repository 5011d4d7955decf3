#include "engine/sampling_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "ops/adjust_logits.h"

namespace chitu {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr float kInf = std::numeric_limits<float>::infinity();

MATCHER_P3(Adjusts, token, repetition, bias, "") {
  return arg.token == token && arg.repetition == repetition && arg.bias == bias;
}

using Tokens = std::vector<int32_t>;

std::vector<LogitAdjustment> adjustments_of(const SamplingState& state) {
  std::vector<LogitAdjustment> adjustments;
  state.append_adjustments(adjustments);
  return adjustments;
}

SamplingState make(const SamplingOptions& options, const Tokens& prompt, int64_t max_tokens = 20) {
  return {options, {.prompt = prompt, .max_tokens = max_tokens, .vocab_size = 50}};
}

TEST(SamplingState, ParametersAndTheIndexOfTheDraw) {
  SamplingState state = make({.temperature = 0.5F,
                              .top_k = -1,
                              .top_p = 0.9F,
                              .min_p = 0.1F,
                              .seed = 7,
                              .top_logprobs = 3},
                             {1, 2});
  EXPECT_EQ(state.params().temperature, 0.5F);
  EXPECT_EQ(state.params().top_k, 0);
  EXPECT_EQ(state.params().top_p, 0.9F);
  EXPECT_EQ(state.params().min_p, 0.1F);
  EXPECT_EQ(state.params().seed, 7U);
  EXPECT_EQ(state.params().top_logprobs, 3);
  EXPECT_EQ(state.params().draw, 0U);
  state.append(4);
  state.append(4);
  EXPECT_EQ(state.params().draw, 2U);
}

TEST(SamplingState, WithoutAdjustmentsNothingIsKept) {
  SamplingState state = make({.temperature = 1}, {1, 2});
  state.append(4);
  EXPECT_TRUE(adjustments_of(state).empty());
  EXPECT_EQ(state.max_adjustments(), 0);
}

TEST(SamplingState, RepetitionPenaltyIsOfPromptAndAnswer) {
  SamplingState state = make({.repetition_penalty = 1.5F}, {1, 2, 1});
  EXPECT_THAT(adjustments_of(state),
              UnorderedElementsAre(Adjusts(1, 1.5F, 0.0F), Adjusts(2, 1.5F, 0.0F)));
  state.append(7);
  state.append(2);
  EXPECT_THAT(
      adjustments_of(state),
      UnorderedElementsAre(Adjusts(1, 1.5F, 0.0F), Adjusts(2, 1.5F, 0.0F), Adjusts(7, 1.5F, 0.0F)));
}

TEST(SamplingState, FrequencyAndPresencePenaltiesAreOfTheAnswer) {
  SamplingState state = make({.frequency_penalty = 0.5F, .presence_penalty = 0.25F}, {1, 2});
  EXPECT_TRUE(adjustments_of(state).empty());
  for (const int32_t token : {3, 2, 3, 3}) state.append(token);
  EXPECT_THAT(adjustments_of(state),
              UnorderedElementsAre(Adjusts(3, 1.0F, -1.75F), Adjusts(2, 1.0F, -0.75F)));
}

TEST(SamplingState, NegativePenaltiesFavour) {
  SamplingState state = make({.frequency_penalty = -0.5F, .presence_penalty = -0.25F}, {});
  state.append(3);
  state.append(3);
  EXPECT_THAT(adjustments_of(state), ElementsAre(Adjusts(3, 1.0F, 1.25F)));
}

TEST(SamplingState, LogitBiasAddsUp) {
  SamplingState state =
      make({.presence_penalty = 0.5F, .logit_bias = {{3, 1.5F}, {4, -100}, {3, 2}}}, {3});
  EXPECT_THAT(adjustments_of(state),
              UnorderedElementsAre(Adjusts(3, 1.0F, 3.5F), Adjusts(4, 1.0F, -100.0F)));
  state.append(3);
  EXPECT_THAT(adjustments_of(state),
              UnorderedElementsAre(Adjusts(3, 1.0F, 3.0F), Adjusts(4, 1.0F, -100.0F)));
}

TEST(SamplingState, BansStopTokensUntilMinTokensHaveCome) {
  const Tokens stops = {9, -1, 50, 3};  // two of them are outside of the vocabulary
  SamplingState state({.logit_bias = {{3, 100}}},
                      {.stop_tokens = stops, .min_tokens = 2, .max_tokens = 5, .vocab_size = 50});
  for (const int32_t token : {1, 2}) {
    const std::vector<LogitAdjustment> adjustments = adjustments_of(state);
    std::vector<float> logits(50, 1.0F);
    adjust_logits(adjustments, logits.data());
    EXPECT_EQ(logits[3], -kInf);
    EXPECT_EQ(logits[9], -kInf);
    EXPECT_EQ(logits[10], 1.0F);
    state.append(token);
  }
  EXPECT_THAT(adjustments_of(state), ElementsAre(Adjusts(3, 1.0F, 100.0F)));
}

TEST(SamplingState, NeverHasMoreThanItSaid) {
  // Each token of the vocabulary comes, more of them than the answer may have distinct ones.
  const Tokens prompt = {0, 1, 2, 3, 49};
  const Tokens stops = {5, 6};
  SamplingState state({.repetition_penalty = 1.1F, .logit_bias = {{7, 1}}}, {.prompt = prompt,
                                                                             .stop_tokens = stops,
                                                                             .min_tokens = 1000,
                                                                             .max_tokens = 500,
                                                                             .vocab_size = 50});
  EXPECT_EQ(state.max_adjustments(), 52);
  for (int32_t i = 0; i < 500; ++i) state.append(i * 7 % 50);
  EXPECT_EQ(static_cast<int64_t>(adjustments_of(state).size()), state.max_adjustments());

  SamplingState small({.frequency_penalty = 1}, {.max_tokens = 3, .vocab_size = 50});
  EXPECT_EQ(small.max_adjustments(), 3);
  for (int32_t token = 0; token < 3; ++token) small.append(token);
  EXPECT_EQ(adjustments_of(small).size(), 3U);
}

// What the adjustments of a state do is what the definitions of the penalties say, computed anew
// from all tokens.
TEST(SamplingState, MatchesTheDefinitions) {
  std::mt19937 random(5);
  const auto below = [&](int32_t n) {
    return static_cast<int32_t>(random() % static_cast<uint32_t>(n));
  };
  for (int round = 0; round < 200; ++round) {
    const int32_t vocab = 1 + below(300);
    const SamplingOptions options{
        .repetition_penalty = below(2) == 0 ? 1.0F : 1.25F,
        .frequency_penalty = 0.25F * static_cast<float>(below(9) - 4),
        .presence_penalty = 0.5F * static_cast<float>(below(5) - 2),
        .logit_bias = {{below(vocab), 2.0F}, {below(vocab), -3.0F}},
    };
    Tokens prompt;
    for (int i = below(40); i > 0; --i) prompt.push_back(below(vocab));
    SamplingState state(options, {.prompt = prompt, .max_tokens = 60, .vocab_size = vocab});
    std::set<int32_t> seen(prompt.begin(), prompt.end());
    std::map<int32_t, int> counts;
    for (int step = 0; step < 60; ++step) {
      std::vector<float> logits;
      for (int32_t token = 0; token < vocab; ++token)
        logits.push_back(0.125F * static_cast<float>(below(100) - 50));
      std::vector<float> wanted = logits;
      for (int32_t token = 0; token < vocab; ++token) {
        float& x = wanted[static_cast<std::size_t>(token)];
        if (seen.contains(token))
          x = x > 0 ? x / options.repetition_penalty : x * options.repetition_penalty;
        const auto count = counts.find(token);
        if (count != counts.end()) {
          x -= options.presence_penalty;
          x -= options.frequency_penalty * static_cast<float>(count->second);
        }
        for (const LogitBias& entry : options.logit_bias)
          if (entry.token == token) x += entry.bias;
      }
      adjust_logits(adjustments_of(state), logits.data());
      for (std::size_t i = 0; i < logits.size(); ++i) {
        ASSERT_NEAR(logits[i], wanted[i], 1e-5)
            << "round " << round << " step " << step << " token " << i;
      }
      const int32_t token = below(2) == 0 ? below(vocab) : below(std::min(vocab, 5));
      state.append(token);
      seen.insert(token);
      ++counts[token];
    }
  }
}

}  // namespace
}  // namespace chitu
