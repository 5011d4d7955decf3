// One request's progress: its tokens, how many of them are in the cache, and when it ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cache/block_pool.h"

namespace chitu {

enum class SequenceId : int64_t {};

enum class FinishReason : uint8_t {
  kNone,    // still running
  kStop,    // a stop token came; it is the last token
  kLength,  // max_tokens reached
  kCancelled,
};

struct Sequence {
  SequenceId id{};
  std::vector<int32_t> tokens;  // the prompt, then what was sampled
  int64_t prompt_len = 0;
  int64_t max_tokens = 0;            // of prompt and answer together; > prompt_len
  std::vector<int32_t> stop_tokens;  // any of them ends the sequence
  int64_t computed = 0;              // tokens whose keys and values are in the cache
  std::vector<BlockId> blocks;       // of the cache; enough for max_tokens once running

  int64_t length() const { return static_cast<int64_t>(tokens.size()); }
  // Tokens that must be computed before the next can be sampled: 1 while decoding.
  int64_t pending() const { return length() - computed; }

  FinishReason append(int32_t token) {
    tokens.push_back(token);
    if (std::find(stop_tokens.begin(), stop_tokens.end(), token) != stop_tokens.end()) {
      return FinishReason::kStop;
    }
    return length() >= max_tokens ? FinishReason::kLength : FinishReason::kNone;
  }
};

}  // namespace chitu
