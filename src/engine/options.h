// How large an engine is to be. What is left open is decided by plan_memory().
#pragma once

#include <cstdint>

#include "sched/policy.h"
#include "tensor/dtype.h"

namespace chitu {

inline constexpr int64_t kDefaultMaxSeqLen = 4096;

// In which order requests are computed, and how much of a prompt at a time.
struct SchedulingOptions {
  Policy policy = default_policy();
  int64_t max_step_sequences = 0;  // requests in one step; 0: max_reqs
  bool hybrid = true;              // prompts and decoding in one step; else they take turns
  bool prefix_cache = true;        // where the model allows it
  // Of one step with requests that decode, in seconds: prompts are computed in chunks that keep to
  // it. 0: chosen from measured steps (StepTimeModel::auto_budget).
  double itl_budget = 0;
};

struct EngineOptions {
  // Tokens of a request, prompt and answer together. 0: the model's limit, but no more than
  // kDefaultMaxSeqLen and than what fits into memory.
  int64_t max_seq_len = 0;
  int64_t max_reqs = 1;           // requests computed at the same time
  int64_t max_step_tokens = 512;  // of one step; longer prompts are computed in chunks
  int64_t block_size = 32;        // tokens in a block of the KV cache; 0: a block holds max_seq_len
  int64_t num_blocks = 0;         // of the KV cache; 0: max_seq_len tokens for each of max_reqs
  DType kv_dtype = DType::kF32;
  int64_t memory_limit =
      0;  // bytes; 0: what the machine has available, less 5 % and at least 256 MiB of it
  SchedulingOptions scheduling;
};

}  // namespace chitu
