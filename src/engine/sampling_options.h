// How a request wants its tokens drawn, in the terms of OpenAI's and vLLM's fields.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "ops/descs.h"

namespace chitu {

struct LogitBias {
  int32_t token = 0;
  float bias = 0.0F;

  bool operator==(const LogitBias&) const = default;
};

struct SamplingOptions {
  // As of SamplingParams.
  float temperature = 0.0F;
  int32_t top_k = 0;  // 0 and -1: off
  float top_p = 1.0F;
  float min_p = 0.0F;
  uint64_t seed = 0;  // the same seed and request give the same tokens, whatever else runs

  // Logits of the tokens of prompt and answer are divided by it where positive, multiplied where
  // negative (Keskar et al., "CTRL", section 4.1). 1: off.
  float repetition_penalty = 1.0F;
  // Of the answer's tokens alone: for each time a token has come, and once for all that have.
  // Subtracted from the logit; negative ones favour repetition.
  float frequency_penalty = 0.0F;
  float presence_penalty = 0.0F;
  std::vector<LogitBias> logit_bias;  // added to the logits; of a token named twice, the sum

  int32_t top_logprobs =
      -1;  // -1: no log-probabilities; n: the sampled token's and the n likeliest
};

inline constexpr int64_t kMaxLogitBias = 1024;

// Error: kInvalidArgument, "top_p=1.5: must be above 0 and at most 1". Routes of the server may
// have narrower ranges.
Status check_sampling(const SamplingOptions& options, int64_t vocab_size);

}  // namespace chitu
