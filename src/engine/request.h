// What is asked of an engine, and what it answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/sampling_options.h"
#include "sched/sequence.h"

namespace chitu {

using RequestId = SequenceId;

struct Request {
  std::vector<int32_t> prompt;       // token ids, at least one
  int64_t max_new_tokens = 0;        // 0: as many as fit into max_seq_len
  SamplingOptions sampling;          // the same seed gives the same tokens, whatever else runs
  std::vector<int32_t> stop_tokens;  // beside the model's own end tokens
  bool ignore_eos = false;           // the model's own end tokens do not end the answer
  int64_t min_tokens = 0;            // of the answer, before any token may end it

  bool embed = false;  // no answer, but the hidden state of the prompt's last token

  // What schedulers may rank by (sched/policy.h).
  int32_t priority = 0;                     // larger goes first
  double deadline = Sequence::kNoDeadline;  // seconds from now

  std::string cache_salt;  // only requests with equal salts share cached prompts
};

struct TokenLogprob {
  int32_t token = 0;
  float logprob = 0.0F;  // natural logarithm

  bool operator==(const TokenLogprob&) const = default;
};

// What a step has made of one request. The last event of a request has a `finish`.
struct TokenEvent {
  RequestId id{};
  int32_t token = -1;  // a stop token included; -1: none, of embeddings and errors
  FinishReason finish = FinishReason::kNone;
  int64_t cached_tokens = 0;  // of the prompt, that were not computed but found in the cache
  double time = 0;            // when its step was done, in seconds of std::chrono::steady_clock
  double started = 0;         // when the request's first step was planned; 0: it never was
  // With SamplingOptions::top_logprobs: the token's own, then the likeliest, most likely first.
  std::vector<TokenLogprob> logprobs;
  // Of a request with `embed`: [hidden_size], of Euclidean length 1.
  std::vector<float> embedding;
  std::string error;  // with FinishReason::kError: what happened
};

}  // namespace chitu
