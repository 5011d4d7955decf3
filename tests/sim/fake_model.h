// A model whose every token depends on all tokens before it, read from a cache as attention reads
// it: whatever a scheduler does wrong with blocks, another answer comes out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sched/batch_plan.h"

namespace chitu::sim {

inline constexpr int32_t kVocabulary = 128;
inline constexpr int32_t kStopToken = 7;

// The "keys and values" of a token at `position` with what it attends to.
inline uint64_t state_of(uint64_t attended, int64_t position, int32_t token) {
  uint64_t x = attended ^ (static_cast<uint64_t>(token) + 1) * 0x9E3779B97F4A7C15ULL;
  x ^= static_cast<uint64_t>(position) << 32;
  x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9ULL;
  return x ^ (x >> 29);
}
// What a token attends to: all before it, each in its place.
inline uint64_t attend(uint64_t attended, int64_t position, uint64_t state) {
  return attended + state * (2 * static_cast<uint64_t>(position) + 1);
}
inline int32_t token_of(uint64_t state) { return static_cast<int32_t>(state % kVocabulary); }

// The answer to a prompt, computed alone: what every schedule must give.
std::vector<int32_t> answer_alone(std::span<const int32_t> prompt, int64_t max_tokens,
                                  int64_t min_tokens);

// Computes plans, with a cache of its own. Checks that no two sequences of a step write the same
// slot, and that nobody reads what another one writes.
class FakeModel {
 public:
  FakeModel(int64_t num_blocks, int64_t block_size);

  // The token of each sequence that wants logits.
  std::vector<int32_t> compute(const BatchPlan& plan);

 private:
  uint64_t compute(const PlannedSequence& planned, const int32_t* tokens, const BlockId* blocks);
  void check_writers(const BatchPlan& plan);

  int64_t block_size_;
  std::vector<uint64_t> cache_;
  std::vector<int64_t> writer_;  // of each block in this step: a sequence, or -1
};

}  // namespace chitu::sim
