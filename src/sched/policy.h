// Policies: who goes first, as pure functions. The scheduler is the mechanism; a policy only ranks.
//
//   fcfs           in the order of arrival
//   prefill_first  prompts before decoding, each in the order of arrival; prompts are not held
//                  back for the sake of those that decode
//   stride         by the score (1 + priority) * seconds since last computed; what is computed
//                  falls back to 0. Priorities below 0 divide: 1 / (1 - priority).
//   deadline       the earliest deadline; those without any after all others
//   prefix_align   the longest prefix in the cache; a second of waiting counts as much as
//                  kPrefixTokensPerSecond tokens of prefix, so that nobody waits forever
//   balance        in the order of arrival, and a step has no more tokens of prompts than it has of
//                  decoding, though at least kLeastBalancedChunk while there are prompts
//
// In all but stride a larger priority comes before everything else.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sched/sequence.h"

namespace chitu {

inline constexpr double kPrefixTokensPerSecond = 256;
inline constexpr int64_t kLeastBalancedChunk = 32;

// What a policy may know of a sequence. Times in seconds.
struct SequenceView {
  SequenceId id{};
  bool running = false;   // it has a seat and blocks
  bool decoding = false;  // one token is to be computed, the last one sampled
  int32_t priority = 0;
  int64_t pending = 0;  // tokens to compute before the next can be sampled
  int64_t cached = 0;   // leading tokens that are in the cache
  double arrival = 0;
  double waiting_since = 0;  // last computed; its arrival if it has not been since it began
  double deadline = Sequence::kNoDeadline;
};

// Compared lexicographically: the smallest goes first. The scheduler breaks ties by arrival, then
// id.
using Rank = std::array<double, 3>;

// The tokens of prompts that a step beside `decode_rows` >= 1 decoding sequences may have.
struct PromptBudget {
  int64_t decode_rows = 0;
  int64_t within_itl = 0;  // tokens that keep the step within the budget of time
  int64_t most = 0;        // limit of the step
};

struct Policy {
  std::string_view name;
  void (*rank)(std::span<const SequenceView> views, double now, std::span<Rank> ranks);
  int64_t (*prompt_tokens)(const PromptBudget& budget);
  bool prompts_first = false;   // where prompts and decoding exclude each other
  bool ranks_by_cache = false;  // `cached` of waiting sequences is kept up to date
};

std::span<const Policy> policies();
const Policy* find_policy(std::string_view name);  // nullptr: there is none of that name
const Policy& default_policy();                    // fcfs

}  // namespace chitu
