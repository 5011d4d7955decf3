// What the next step computes. A plain value without pointers into anything: one rank plans it,
// every rank can execute it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/block_pool.h"
#include "sched/sequence.h"

namespace chitu {

struct PlannedSequence {
  SequenceId id{};
  int64_t first_position = 0;  // of the first new token; as many tokens are in the cache already
  int64_t num_tokens = 0;      // new tokens of this step, >= 1
  int64_t prompt_len = 0;
  int64_t num_blocks = 0;
  bool wants_logits = false;  // of its last token: the next one is to be sampled

  bool operator==(const PlannedSequence&) const = default;
};

struct BatchPlan {
  std::vector<PlannedSequence> sequences;
  std::vector<int32_t> tokens;  // the new tokens of all sequences, in their order
  std::vector<BlockId> blocks;  // the blocks of all sequences, in their order
  int64_t num_logit_rows = 0;   // sequences that want logits

  bool empty() const { return sequences.empty(); }
  void clear() {
    sequences.clear();
    tokens.clear();
    blocks.clear();
    num_logit_rows = 0;
  }
  bool operator==(const BatchPlan&) const = default;
};

}  // namespace chitu
