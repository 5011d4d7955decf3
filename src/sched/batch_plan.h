// What the next step computes. A plain value without pointers into anything: one rank plans it,
// every rank can execute it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/block_pool.h"
#include "sched/sequence.h"

namespace chitu {

// Stands for a token that the step before this one is still sampling; Scheduler::finalize() puts
// the token in its place.
inline constexpr int32_t kTokenOfLastStep = -1;

// What is wanted of a sequence's last token.
enum class Wants : uint8_t {
  kNothing,    // more of the prompt is to come
  kLogits,     // the next token is to be sampled
  kEmbedding,  // the hidden state
};

struct PlannedSequence {
  SequenceId id{};
  int64_t first_position = 0;  // of the first new token; as many tokens are in the cache already
  int64_t num_tokens = 0;      // new tokens of this step, >= 1
  int64_t prompt_len = 0;
  int64_t num_blocks = 0;  // that hold its tokens, the new ones included
  Wants wants = Wants::kNothing;

  bool operator==(const PlannedSequence&) const = default;
};

struct BatchPlan {
  std::vector<PlannedSequence> sequences;
  std::vector<int32_t> tokens;  // the new tokens of all sequences, in their order
  std::vector<BlockId> blocks;  // the blocks of all sequences, in their order
  // Sequences that want logits and embeddings. Their rows are numbered in the order of the
  // sequences, all rows of logits before all rows of embeddings.
  int64_t num_logit_rows = 0;
  int64_t num_embedding_rows = 0;

  bool empty() const { return sequences.empty(); }
  void clear() {
    sequences.clear();
    tokens.clear();
    blocks.clear();
    num_logit_rows = 0;
    num_embedding_rows = 0;
  }
  bool operator==(const BatchPlan&) const = default;
};

}  // namespace chitu
