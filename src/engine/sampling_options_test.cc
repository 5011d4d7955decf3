#include "engine/sampling_options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace chitu {
namespace {

constexpr int64_t kVocab = 100;

std::string error_of(const SamplingOptions& options) {
  const Status status = check_sampling(options, kVocab);
  return status.ok() ? "" : status.error().message;
}

TEST(SamplingOptions, TakesWholeRanges) {
  EXPECT_EQ(error_of({}), "");
  EXPECT_EQ(error_of({.temperature = 2,
                      .top_k = -1,
                      .top_p = 1,
                      .min_p = 1,
                      .repetition_penalty = 10,
                      .frequency_penalty = -2,
                      .presence_penalty = 2,
                      .logit_bias = {{0, -100}, {99, 100}},
                      .top_logprobs = 20}),
            "");
}

TEST(SamplingOptions, NamesTheFieldAndItsRange) {
  EXPECT_EQ(error_of({.temperature = -0.5F}), "temperature=-0.5: must be in [0, 100]");
  EXPECT_EQ(error_of({.temperature = INFINITY}), "temperature=inf: must be in [0, 100]");
  EXPECT_EQ(error_of({.top_k = -2}), "top_k=-2: must be -1 or 0 (off) or more");
  EXPECT_EQ(error_of({.top_p = 0}), "top_p=0: must be above 0 and at most 1");
  EXPECT_EQ(error_of({.top_p = 1.5F}), "top_p=1.5: must be above 0 and at most 1");
  EXPECT_EQ(error_of({.min_p = -1}), "min_p=-1: must be in [0, 1]");
  EXPECT_EQ(error_of({.repetition_penalty = 0}),
            "repetition_penalty=0: must be above 0 and at most 10");
  EXPECT_EQ(error_of({.repetition_penalty = 10.5F}),
            "repetition_penalty=10.5: must be above 0 and at most 10");
  EXPECT_EQ(error_of({.frequency_penalty = 2.5F}), "frequency_penalty=2.5: must be in [-2, 2]");
  EXPECT_EQ(error_of({.presence_penalty = -3}), "presence_penalty=-3: must be in [-2, 2]");
  EXPECT_EQ(error_of({.top_logprobs = 21}), "top_logprobs=21: must be in [0, 20], or -1 for none");
  EXPECT_EQ(error_of({.top_logprobs = -2}), "top_logprobs=-2: must be in [0, 20], or -1 for none");
}

TEST(SamplingOptions, RefusesNan) {
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = NAN}, SamplingOptions{.top_p = NAN},
        SamplingOptions{.min_p = NAN}, SamplingOptions{.repetition_penalty = NAN},
        SamplingOptions{.frequency_penalty = NAN}, SamplingOptions{.presence_penalty = NAN},
        SamplingOptions{.logit_bias = {{1, NAN}}}}) {
    EXPECT_NE(error_of(options), "");
  }
}

TEST(SamplingOptions, LogitBias) {
  EXPECT_EQ(error_of({.logit_bias = {{1, 1}, {100, 1}}}),
            "logit_bias: token 100 is outside the model's vocabulary of 100");
  EXPECT_EQ(error_of({.logit_bias = {{-1, 1}}}),
            "logit_bias: token -1 is outside the model's vocabulary of 100");
  EXPECT_EQ(error_of({.logit_bias = {{5, 100.5F}}}),
            "logit_bias of token 5=100.5: must be in [-100, 100]");
  EXPECT_EQ(error_of({.logit_bias = {{5, -INFINITY}}}),
            "logit_bias of token 5=-inf: must be in [-100, 100]");
  SamplingOptions options;
  options.logit_bias.resize(1024);
  EXPECT_EQ(error_of(options), "");
  options.logit_bias.resize(1025);
  EXPECT_EQ(error_of(options), "logit_bias has 1025 entries: at most 1024 can be");
}

}  // namespace
}  // namespace chitu
