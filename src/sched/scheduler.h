// Decides what each step computes: first come, first served, with long prompts in chunks beside the
// decoding of others, so that one long prompt does not freeze everybody else.
//
//   scheduler.add(sequence);
//   while (scheduler.has_work()) {
//     scheduler.admit();
//     scheduler.plan(plan);
//     ... compute, sample ...
//     scheduler.commit(plan, sampled, events);
//   }
//
// A sequence is admitted only when the cache has blocks for the longest it can become, so nothing
// that runs can run out of them.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/result.h"
#include "cache/block_pool.h"
#include "sched/batch_plan.h"
#include "sched/sequence.h"

namespace chitu {

struct SchedulerLimits {
  int64_t max_sequences = 1;    // running at the same time
  int64_t max_step_tokens = 1;  // of all sequences; >= max_sequences
  int64_t block_size = 1;
  int64_t num_blocks = 0;
};

struct SequenceEvent {
  SequenceId id{};
  int32_t token = 0;
  FinishReason finish = FinishReason::kNone;
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits);

  // Queues a sequence. Errors: kInvalidArgument for an empty prompt or a max_tokens that leaves no
  // room for an answer, kResourceExhausted when the whole cache could not hold it.
  Status add(Sequence sequence);
  // False when there is no such sequence (any more).
  bool cancel(SequenceId id);

  bool has_work() const { return !waiting_.empty() || !running_.empty(); }
  int64_t num_waiting() const { return static_cast<int64_t>(waiting_.size()); }
  int64_t num_running() const { return static_cast<int64_t>(running_.size()); }
  int64_t blocks_available() const { return pool_.available(); }

  // Starts waiting sequences, in their order, while there is room.
  void admit();
  // One token of every decoding sequence, then prompts, oldest first, up to max_step_tokens.
  void plan(BatchPlan& plan) const;
  // Notes that `plan` was computed. sampled[i] is the token of the i-th sequence that wanted
  // logits. Appends one event for each to `events`; finished sequences are gone afterwards.
  void commit(const BatchPlan& plan, std::span<const int32_t> sampled,
              std::vector<SequenceEvent>& events);

 private:
  int64_t blocks_for(const Sequence& sequence) const;
  void add_to_plan(const Sequence& sequence, int64_t num_tokens, BatchPlan& plan) const;

  SchedulerLimits limits_;
  BlockPool pool_;
  std::deque<Sequence> waiting_;
  std::vector<Sequence> running_;  // in the order of their admission
};

}  // namespace chitu
