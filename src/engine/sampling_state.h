// What sampling needs to know of one request's tokens: it counts them as they come, and says how
// the next one is to be drawn.
//
//   SamplingState state(options, {.prompt = prompt, .stop_tokens = stops, ...});
//   each step:
//     state.append_adjustments(adjustments);   // and state.params(): of this row of Sample
//     ... Sample ...
//     state.append(token);
//
// Memory is taken when it is made; afterwards it allocates nothing. It knows nothing of the cache
// or the batch, so preemption and other requests change no token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampling_options.h"
#include "ops/descs.h"

namespace chitu {

class SamplingState {
 public:
  struct Request {
    std::span<const int32_t> prompt;       // ids in [0, vocab_size)
    std::span<const int32_t> stop_tokens;  // those outside of the vocabulary never come
    int64_t min_tokens = 0;                // so many tokens come before any of stop_tokens may
    int64_t max_tokens = 0;                // of the answer: append() is called no more often
    int64_t vocab_size = 0;
  };

  // REQUIRES: check_sampling(options, request.vocab_size).ok()
  SamplingState(const SamplingOptions& options, const Request& request);

  // Of the next draw.
  const SamplingParams& params() const { return params_; }
  // Those of the next draw; at most max_adjustments(), a number that does not change.
  void append_adjustments(std::vector<LogitAdjustment>& out) const;
  int64_t max_adjustments() const { return max_adjustments_; }

  // Notes a token that was sampled.
  void append(int32_t token);

 private:
  // Of a token in the answer, and its entry of the request's logit_bias.
  struct Count {
    int32_t in_answer = 0;
    float bias = 0.0F;
  };

  std::size_t find_or_add(int32_t token);  // its position in adjustments_

  SamplingParams params_;  // its `draw` is the number of tokens so far
  float repetition_;
  float frequency_;
  float presence_;
  int64_t min_tokens_;
  bool counts_answer_ = false;  // the answer's tokens change what comes
  int64_t max_adjustments_ = 0;
  std::vector<LogitAdjustment> banned_;  // until min_tokens_ tokens have come

  std::vector<LogitAdjustment> adjustments_;  // one of each token that has any
  std::vector<Count> counts_;                 // of adjustments_
  std::vector<int32_t> table_;  // hash table of positions in adjustments_; its size is a power of 2
};

}  // namespace chitu
