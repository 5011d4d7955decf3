// How large an engine is to be. What is left open is decided by plan_memory().
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace chitu {

inline constexpr int64_t kDefaultMaxSeqLen = 4096;

struct EngineOptions {
  // Tokens of a request, prompt and answer together. 0: the model's limit, but no more than
  // kDefaultMaxSeqLen and than what fits into memory.
  int64_t max_seq_len = 0;
  int64_t max_reqs = 1;           // requests computed at the same time
  int64_t max_step_tokens = 512;  // of one step; longer prompts are computed in chunks
  int64_t block_size = 32;        // tokens in a block of the KV cache; 0: a block holds max_seq_len
  DType kv_dtype = DType::kF32;
  int64_t memory_limit =
      0;  // bytes; 0: what the machine has available, less 5 % and at least 256 MiB of it
};

}  // namespace chitu
