// Decides what each step computes: which sequences have a seat, which blocks of the cache they get,
// and how many of their tokens are in the step. Who goes first is a policy's business (policy.h).
//
// The next step is planned while the last one is still computed:
//
//   scheduler.add(sequence);
//   while (scheduler.has_work()) {
//     scheduler.plan(now, prefill_tokens, next);
//     ... wait for `current` and its sampled tokens ...
//     scheduler.commit(current, sampled, events);
//     scheduler.finalize(next);
//     scheduler.top_up(now, prefill_tokens, next);
//     std::swap(current, next);
//     ... begin to compute `current`, unless it is empty ...
//   }
//
// With nothing being computed, commit() is left out, and so may be finalize(). At most one step is
// computed while another is planned. Sequences may be added and cancelled at any time: before
// finalize() is the last moment at which that still changes the next step.
//
// A sequence gets blocks for its prompt when it gets its seat, further ones as it grows. When none
// are free, idle ones of the prefix cache are evicted; then the last in rank is preempted: it loses
// its blocks (those in the prefix cache stay there until they are evicted), waits again, and its
// tokens are recomputed later. No token is lost or comes twice. The first in rank always gets on,
// and each preemption lets another sequence sample a token, so everything ends
// (docs/adr/0013-preemption-and-the-prefix-tree.md).
//
// Memory is taken in add(); the other functions allocate nothing as long as a plan has room for
// the largest step (reserve()).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cache/block_store.h"
#include "sched/batch_plan.h"
#include "sched/policy.h"
#include "sched/sequence.h"
#include "sched/sequence_state.h"
#include "sched/step_time_model.h"
#include "sched/waiting_list.h"

namespace chitu {

struct SchedulerLimits {
  int64_t max_sequences = 1;    // with a seat at the same time
  int64_t max_step_tokens = 1;  // of all sequences; >= max_sequences
  int64_t block_size = 1;
  int64_t num_blocks = 0;
  int64_t max_step_sequences = 0;  // computed in one step; 0: all that have a seat
  // Not for models whose keys depend on the length of the prompt (RoPE scaled by it).
  bool prefix_cache = true;
  bool hybrid = true;  // prompts and decoding in one step; else they take turns
  Policy policy = default_policy();
};

struct SequenceEvent {
  SequenceId id{};
  int32_t token = 0;  // -1 where there is none: of embeddings and errors
  FinishReason finish = FinishReason::kNone;
  int64_t cached_tokens = 0;  // Sequence::cached_tokens
  double started = 0;         // Sequence::started
};

struct SchedulerStats {
  int64_t waiting = 0;
  int64_t running = 0;
  // Since the beginning.
  int64_t preemptions = 0;
  int64_t prefix_queries = 0;  // tokens looked up in the prefix cache
  int64_t prefix_hits = 0;     // tokens found there
  // Blocks: held by sequences, only by the prefix cache, all.
  int64_t blocks_used = 0;
  int64_t blocks_cached = 0;
  int64_t blocks_total = 0;
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits);

  // Queues a sequence. Errors: kInvalidArgument for an empty prompt or a max_tokens that leaves no
  // room for an answer, kResourceExhausted when the whole cache could not hold it or memory was
  // refused. REQUIRES: a new id.
  Status add(Sequence sequence);
  // Ends a sequence and releases its blocks at once; what is computed of it is dropped. False when
  // there is no such sequence (any more).
  bool cancel(SequenceId id);

  bool has_work() const { return !states_.empty(); }
  SchedulerStats stats() const;

  // Decides the next step, while the last one may still be computed. `now` in seconds, not
  // decreasing. A step in which sequences decode has at most about prefill_tokens >= 1 tokens of
  // prompts, for the sake of the time between tokens (the policy decides: PromptBudget). Empty
  // when there is nothing to do before the last step is committed.
  void plan(double now, int64_t prefill_tokens, BatchPlan& plan);

  // Notes that `done` was computed. sampled[i] is the token of the i-th sequence that wanted
  // logits. Appends one event for each sequence that got a token or an embedding, in the order of
  // the plan; finished sequences are gone afterwards, and full blocks are in the prefix cache.
  void commit(const BatchPlan& done, std::span<const int32_t> sampled,
              std::vector<SequenceEvent>& events);
  // In place of commit(): the step failed. Ends each of its sequences with kError.
  void fail(const BatchPlan& done, std::vector<SequenceEvent>& events);

  // Makes a plan that was made before the last commit() ready to be computed: tokens stand where
  // kTokenOfLastStep stood, and sequences that have ended since are left out.
  void finalize(BatchPlan& next);

  // Gives what is left of a plan to those that came, and to those that had found no seat or no
  // blocks, while the last step was computed: it is over now, and what it held is free. Arguments
  // as plan()'s; what is in the plan already stays there.
  // REQUIRES: `next` is the last that was planned, and finalized; nothing is computed.
  void top_up(double now, int64_t prefill_tokens, BatchPlan& next);

  // What StepTimeModel::prefill_tokens() asks for: the decoding part of the next step, and the
  // position up to which the longest prompt with a seat is computed.
  StepLoad decoding() const;
  int64_t prompt_position() const;

  // Gives `plan` room for any step of sequences of up to max_sequence_tokens.
  void reserve(BatchPlan& plan, int64_t max_sequence_tokens) const;

 private:
  // Which kinds of work a step may have.
  enum class Turn : uint8_t { kBoth, kPrompts, kDecoding };
  // What is left of a step while it is filled.
  struct Room {
    int64_t sequences = 0;
    int64_t tokens = 0;
    int64_t prompt_tokens = 0;  // part of `tokens`
  };
  struct Runner {
    Standing standing;
    SequenceState* state = nullptr;
  };
  // A prompt that is to be computed with so many tokens, and more if nobody else wants them.
  struct Held {
    SequenceState* state = nullptr;
    int64_t tokens = 0;
  };
  enum class Admission : uint8_t {
    kAdmitted,
    kPassed,    // it waits for another one to compute what both begin with
    kCompared,  // the same, and it took a comparison with all that run to find out
    kNoRoom,    // nor may others get on before it
  };

  int64_t blocks_for(int64_t tokens) const;
  SequenceState* find(SequenceId id);
  void cache_full_blocks(SequenceState& state);
  void wait(SequenceState& state);
  void leave_seat(SequenceState& state);
  void remove(SequenceState& state);

  // The planning, in scheduler_plan.cc.
  void rank_running(double now);
  Room room_for(Turn turn, int64_t prefill_tokens) const;
  void fill(double now, BatchPlan& plan);
  bool may_admit() const;
  bool has_seat() const { return static_cast<int64_t>(running_.size()) < limits_.max_sequences; }
  bool has_room(int64_t blocks) const;
  int64_t blocks_to_come(const SequenceState& state) const;
  bool make_room(int64_t blocks, std::size_t next, int32_t priority);
  bool preempting_makes_room(int64_t blocks, std::size_t next, int32_t priority);
  Admission admit(SequenceState& state, std::size_t next);
  bool waits_for_prefix(SequenceState& state, std::size_t next);
  bool find_prefix_in_progress(SequenceState& state, int64_t found, std::size_t next);
  bool will_compute(const SequenceState& state, int64_t tokens, std::size_t next) const;
  void extend(std::size_t runner, double now, BatchPlan& plan);
  void add_prompt(SequenceState& state, double now, BatchPlan& plan);
  bool shorter_wants(int64_t tokens) const;
  void add_held(double now, BatchPlan& plan);
  bool grow(std::size_t runner);
  bool preemptible(const SequenceState& state, int64_t below_priority) const;
  SequenceState* last_preemptible(std::size_t first, int64_t below_priority);
  void preempt(SequenceState& state);
  void add_to_plan(SequenceState& state, int64_t num_tokens, double now, BatchPlan& plan);

  SchedulerLimits limits_;
  BlockStore blocks_;
  std::unordered_map<SequenceId, SequenceState> states_;
  WaitingList waiting_;
  std::vector<SequenceState*> running_;  // in no order
  int64_t blocks_to_come_ = 0;           // that those running do not have yet, at most
  int64_t step_ = 0;
  int64_t planning_ = 0;  // counts plan() and top_up()
  Turn last_turn_ = Turn::kDecoding;
  Turn turn_ = Turn::kBoth;  // of the last plan
  Room room_;                // left of it
  SchedulerStats totals_;    // only what is counted since the beginning

  // Of plan(), kept for their memory.
  std::vector<SequenceView> views_;
  std::vector<Rank> ranks_;
  std::vector<Runner> order_;  // those running that have work, the first in rank in front
  std::vector<SequenceState*> admitted_;
  std::vector<Held> held_;
  std::vector<int32_t> releases_;  // of each block, by those that might be preempted
};

}  // namespace chitu
