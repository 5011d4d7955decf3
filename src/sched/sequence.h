// One request's progress: its tokens, how many of them are in the cache, and when it ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "cache/block_pool.h"

namespace chitu {

enum class SequenceId : int64_t {};

enum class FinishReason : uint8_t {
  kNone,    // still running
  kStop,    // a stop token came, it is the last token; or an embedding is complete
  kLength,  // max_tokens reached
  kCancelled,
  kError,  // a step failed
};

enum class SequenceKind : uint8_t {
  kGenerate,
  kEmbed,  // ends with its prompt: what is wanted is the last token's hidden state
};

struct Sequence {
  static constexpr double kNoDeadline = std::numeric_limits<double>::infinity();

  SequenceId id{};
  std::vector<int32_t> tokens;  // the prompt, then what was sampled; ids >= 0
  int64_t prompt_len = 0;
  int64_t max_tokens = 0;            // of prompt and answer together; > prompt_len unless kEmbed
  std::vector<int32_t> stop_tokens;  // any of them ends the sequence, after min_tokens others
  int64_t min_tokens = 0;            // of the answer
  SequenceKind kind = SequenceKind::kGenerate;

  // What policies rank by. Times are seconds of the clock that Scheduler::plan() is given.
  double arrival = 0;
  double deadline = kNoDeadline;
  double started = 0;    // when it was first planned; 0: not yet
  int32_t priority = 0;  // larger goes first

  std::string cache_salt;  // only sequences with equal salts share cached blocks

  int64_t computed = 0;         // tokens whose keys and values are in the cache
  std::vector<BlockId> blocks;  // of the cache; enough for what is computed and planned
  int64_t cached_tokens = 0;    // of the prompt, found in the cache when the sequence first began
  int64_t preemptions = 0;

  int64_t length() const { return static_cast<int64_t>(tokens.size()); }
  int64_t answer_len() const { return length() - prompt_len; }

  FinishReason append(int32_t token) {
    tokens.push_back(token);
    if (answer_len() > min_tokens &&
        std::find(stop_tokens.begin(), stop_tokens.end(), token) != stop_tokens.end()) {
      return FinishReason::kStop;
    }
    return length() >= max_tokens ? FinishReason::kLength : FinishReason::kNone;
  }
};

}  // namespace chitu
