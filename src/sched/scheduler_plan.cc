// Scheduler::plan() and top_up(), and what they take.

#include <algorithm>

#include "base/check.h"
#include "base/round_up.h"
#include "sched/scheduler.h"

namespace chitu {
namespace {

// A sequence gets a seat only if a spare block is left for every so many that run, unless they will
// not need as many: they are about to, and preempting the newcomer again would have been work for
// nothing.
constexpr int64_t kRunnersPerSpareBlock = 4;
int64_t spare_blocks(int64_t runners, int64_t blocks_to_come) {
  return std::min(runners / kRunnersPerSpareBlock, blocks_to_come);
}

// So many waiting sequences are compared in one step with those that run, in case one of them
// computes their beginning.
constexpr int64_t kMostCompared = 64;
// So many waiting sequences are looked up in the prefix cache again in one step.
constexpr std::size_t kLookupsPerStep = 8;

// A prompt is much shorter than another one of so many times its length.
constexpr int64_t kMuchShorter = 2;

// Above every priority.
constexpr int64_t kAnyPriority = int64_t{INT32_MAX} + 1;

}  // namespace

void Scheduler::plan(double now, int64_t prefill_tokens, BatchPlan& plan) {
  CHECK(prefill_tokens >= 1);
  plan.clear();
  ++step_;
  ++planning_;
  rank_running(now);
  if (limits_.hybrid) {
    turn_ = Turn::kBoth;
    room_ = room_for(turn_, prefill_tokens);
    return fill(now, plan);
  }
  // Prompts and decoding take turns, so that neither has to wait for the other's end.
  const bool prompts = limits_.policy.prompts_first || last_turn_ == Turn::kDecoding;
  const std::array<Turn, 2> turns = prompts ? std::array{Turn::kPrompts, Turn::kDecoding}
                                            : std::array{Turn::kDecoding, Turn::kPrompts};
  for (const Turn turn : turns) {
    if (!plan.empty()) return;
    turn_ = last_turn_ = turn;
    room_ = room_for(turn_, prefill_tokens);
    fill(now, plan);
  }
}

void Scheduler::top_up(double now, int64_t prefill_tokens, BatchPlan& next) {
  if (next.empty()) return plan(now, prefill_tokens, next);
  // Most steps need nothing: then the device should not wait for the ranking.
  const bool left_out =
      std::any_of(running_.begin(), running_.end(), [this](const SequenceState* state) {
        return state->last_step != step_ && !state->complete();
      });
  if (!left_out && (waiting_.empty() || !has_seat())) return;
  ++planning_;
  rank_running(now);
  fill(now, next);
}

void Scheduler::rank_running(double now) {
  views_.clear();
  order_.clear();
  for (SequenceState* state : running_) {
    state->place = -1;
    if (state->complete()) continue;
    views_.push_back(state->view());
    order_.push_back({.state = state});
  }
  ranks_.resize(views_.size());
  limits_.policy.rank(views_, now, ranks_);
  for (std::size_t i = 0; i < order_.size(); ++i) {
    order_[i].standing = {ranks_[i], views_[i].arrival, views_[i].id};
  }
  std::sort(order_.begin(), order_.end(),
            [](const Runner& a, const Runner& b) { return a.standing < b.standing; });
  for (std::size_t i = 0; i < order_.size(); ++i) {
    order_[i].state->place = static_cast<int64_t>(i);
  }
}

Scheduler::Room Scheduler::room_for(Turn turn, int64_t prefill_tokens) const {
  Room room{.sequences = limits_.max_step_sequences, .tokens = limits_.max_step_tokens};
  const int64_t decode_rows = std::count_if(
      order_.begin(), order_.end(), [](const Runner& runner) { return runner.state->decoding(); });
  room.prompt_tokens = room.tokens;
  if (decode_rows > 0) {
    PromptBudget budget{.decode_rows = decode_rows, .most = room.tokens};
    // Those that decode have their place in the step, unless prompts go first.
    if (turn == Turn::kBoth && !limits_.policy.prompts_first) {
      budget.most -= std::min(decode_rows, room.sequences);
    }
    budget.within_itl = std::min(prefill_tokens, budget.most);
    room.prompt_tokens = limits_.policy.prompt_tokens(budget);
  }
  return room;
}

// Takes those that run and those that wait in the order of their ranks.
void Scheduler::fill(double now, BatchPlan& plan) {
  bool admitting = turn_ != Turn::kDecoding && may_admit();
  if (admitting) {
    if (limits_.policy.ranks_by_cache) waiting_.refresh_cached(blocks_, kLookupsPerStep);
    waiting_.rank(limits_.policy, now);
  }
  int64_t compared = 0;
  std::size_t next = 0;  // of order_
  while (room_.sequences > 0 && room_.tokens > 0) {
    admitting = admitting && !waiting_.ranked_empty() && room_.prompt_tokens > 0;
    if (admitting && (next == order_.size() || waiting_.standing() < order_[next].standing)) {
      SequenceState& state = waiting_.first();
      waiting_.pop();
      const Admission admission = admit(state, next);
      if (admission == Admission::kAdmitted) add_prompt(state, now, plan);
      admitting = admission != Admission::kNoRoom;
      if (admission == Admission::kCompared) admitting = ++compared < kMostCompared;
    } else if (next < order_.size()) {
      extend(next++, now, plan);
    } else {
      break;
    }
  }
  add_held(now, plan);
  for (SequenceState* state : admitted_) waiting_.remove(*state);
  admitted_.clear();
}

bool Scheduler::may_admit() const {
  if (waiting_.empty()) return false;
  if (has_room(1)) return true;
  return std::any_of(order_.begin(), order_.end(), [this](const Runner& runner) {
    return runner.state->sequence.priority < waiting_.priority_bound();
  });
}

// Whether there is a seat, and so many blocks, for one more.
bool Scheduler::has_room(int64_t blocks) const {
  const auto runners = static_cast<int64_t>(running_.size());
  return has_seat() && blocks_.available() >= blocks + spare_blocks(runners, blocks_to_come_);
}

// Makes it, at the expense of those from order_[next] on whose priority is below the given. If they
// do not have enough, they keep it all.
bool Scheduler::make_room(int64_t blocks, std::size_t next, int32_t priority) {
  if (has_room(blocks)) return true;
  if (!preempting_makes_room(blocks, next, priority)) return false;
  while (!has_room(blocks)) {
    SequenceState* const victim = last_preemptible(next, priority);
    CHECK(victim != nullptr);
    preempt(*victim);
  }
  return true;
}

bool Scheduler::preempting_makes_room(int64_t blocks, std::size_t next, int32_t priority) {
  auto runners = static_cast<int64_t>(running_.size());
  int64_t to_come = blocks_to_come_;
  int64_t available = blocks_.available();
  bool room = false;
  std::size_t first = order_.size();  // of those that would have to go
  while (!room && first > next) {
    const SequenceState& state = *order_[--first].state;
    if (!preemptible(state, priority)) continue;
    to_come -= blocks_to_come(state);
    for (const BlockId block : state.sequence.blocks) {
      // Free if nobody else holds it.
      available += ++releases_[static_cast<std::size_t>(block)] == blocks_.holders(block) ? 1 : 0;
    }
    room = available >= blocks + spare_blocks(--runners, to_come);
  }
  for (std::size_t i = first; i < order_.size(); ++i) {
    for (const BlockId block : order_[i].state->sequence.blocks) {
      releases_[static_cast<std::size_t>(block)] = 0;
    }
  }
  return room;
}

// Gives a seat, and blocks for all tokens there are, to a sequence that goes before
// order_[next].
Scheduler::Admission Scheduler::admit(SequenceState& state, std::size_t next) {
  Sequence& sequence = state.sequence;
  // The step that is computed may still have a part of it.
  if (state.preempted_in == planning_) return Admission::kPassed;
  if (waits_for_prefix(state, next)) return Admission::kPassed;
  blocks_.match(sequence.cache_salt, sequence.tokens, sequence.blocks);
  const auto found = static_cast<int64_t>(sequence.blocks.size());
  const int64_t missing = blocks_for(sequence.length()) - found;
  const bool waits = find_prefix_in_progress(state, found * limits_.block_size, next);
  if (waits || !make_room(missing, next, sequence.priority)) {
    blocks_.release(sequence.blocks);
    sequence.blocks.clear();
    return waits ? Admission::kCompared : Admission::kNoRoom;
  }
  CHECK(blocks_.allocate(missing, sequence.blocks));
  blocks_to_come_ += blocks_to_come(state);
  sequence.computed = found * limits_.block_size;
  state.scheduled = sequence.computed;
  state.prompt_end = sequence.length();
  state.cached_blocks = found;
  if (sequence.preemptions == 0) {
    sequence.cached_tokens = sequence.computed;
    totals_.prefix_queries += sequence.length();
    totals_.prefix_hits += sequence.computed;
  }
  state.running = true;
  state.place = -1;
  state.running_place = running_.size();
  running_.push_back(&state);
  admitted_.push_back(&state);
  return Admission::kAdmitted;
}

bool Scheduler::waits_for_prefix(SequenceState& state, std::size_t next) {
  if (!state.prefix_computed_by) return false;
  const SequenceState* const other = find(*state.prefix_computed_by);
  if (other != nullptr && will_compute(*other, state.awaited_prefix, next)) return true;
  state.prefix_computed_by.reset();
  return false;
}

// Whether it computes so many tokens soon: if it was left out of the last step, and goes after
// order_[next], it might itself wait for long.
bool Scheduler::will_compute(const SequenceState& state, int64_t tokens, std::size_t next) const {
  if (!state.running || state.sequence.computed >= tokens) return false;
  return state.place < static_cast<int64_t>(next) || state.last_step >= step_ - 1;
}

bool Scheduler::find_prefix_in_progress(SequenceState& state, int64_t found, std::size_t next) {
  if (!limits_.prefix_cache) return false;
  const Sequence& sequence = state.sequence;
  const auto block_end = found + limits_.block_size;
  for (const SequenceState* runner : running_) {
    const Sequence& other = runner->sequence;
    // Whole blocks that both can have, of which this one has to compute a token itself.
    const int64_t most =
        std::min(sequence.length() - 1, other.length()) / limits_.block_size * limits_.block_size;
    if (most < block_end || other.computed >= most || other.priority < sequence.priority) continue;
    if (!std::equal(sequence.tokens.begin() + found, sequence.tokens.begin() + block_end,
                    other.tokens.begin() + found)) {
      continue;
    }
    const auto differ = std::mismatch(sequence.tokens.begin(), sequence.tokens.begin() + most,
                                      other.tokens.begin());
    const int64_t common =
        (differ.first - sequence.tokens.begin()) / limits_.block_size * limits_.block_size;
    if (common < block_end || !will_compute(*runner, common, next)) continue;
    if (other.cache_salt != sequence.cache_salt) continue;
    state.prefix_computed_by = other.id;
    state.awaited_prefix = common;
    return true;
  }
  return false;
}

void Scheduler::extend(std::size_t runner, double now, BatchPlan& plan) {
  SequenceState& state = *order_[runner].state;
  if (!state.running) return;            // preempted for the sake of one before it
  if (state.last_step == step_) return;  // in the plan that is topped up
  if (state.decoding()) {
    if (limits_.policy.prompts_first) add_held(now, plan);
    if (room_.tokens > 0 && turn_ != Turn::kPrompts && grow(runner)) {
      room_.sequences -= 1;
      room_.tokens -= 1;
      add_to_plan(state, 1, now, plan);
    }
  } else if (turn_ != Turn::kDecoding && room_.prompt_tokens > 0) {
    add_prompt(state, now, plan);
  }
}

// A prompt that is too long for what the step has left takes only half of it while a much shorter
// one wants some: that one would wait for its end otherwise. What nobody takes it gets in the end.
void Scheduler::add_prompt(SequenceState& state, double now, BatchPlan& plan) {
  int64_t chunk = std::min({state.pending(), room_.prompt_tokens, room_.tokens});
  const bool held = chunk < state.pending() && room_.sequences > 1 &&
                    shorter_wants(state.pending() / kMuchShorter);
  if (held) chunk = div_up(chunk, 2);
  room_.sequences -= 1;
  room_.tokens -= chunk;
  room_.prompt_tokens -= chunk;
  if (held) {
    held_.push_back({.state = &state, .tokens = chunk});
  } else {
    add_to_plan(state, chunk, now, plan);
  }
}

bool Scheduler::shorter_wants(int64_t tokens) const {
  return waiting_.any_within(tokens, blocks_, kLookupsPerStep) ||
         std::any_of(running_.begin(), running_.end(), [&](const SequenceState* state) {
           return !state->decoding() && state->last_step != step_ && state->pending() <= tokens;
         });
}

void Scheduler::add_held(double now, BatchPlan& plan) {
  for (const Held& held : held_) {
    const int64_t more =
        std::min({held.state->pending() - held.tokens, room_.prompt_tokens, room_.tokens});
    room_.tokens -= more;
    room_.prompt_tokens -= more;
    add_to_plan(*held.state, held.tokens + more, now, plan);
  }
  held_.clear();
}

// Makes sure that there is a block for the next token of order_[runner]. False: not in this step,
// since all blocks are held by others that go before it, or that are about to end.
bool Scheduler::grow(std::size_t runner) {
  SequenceState& state = *order_[runner].state;
  const auto held = static_cast<int64_t>(state.sequence.blocks.size());
  const int64_t missing = blocks_for(state.scheduled + 1) - held;
  while (!blocks_.allocate(missing, state.sequence.blocks)) {
    SequenceState* const victim = last_preemptible(runner + 1, kAnyPriority);
    if (victim == nullptr) return false;
    preempt(*victim);
  }
  blocks_to_come_ -= missing;
  return true;
}

// Not what is in this step, nor those whose priority is not below the given.
bool Scheduler::preemptible(const SequenceState& state, int64_t below_priority) const {
  return state.running && state.last_step != step_ && state.sequence.priority < below_priority;
}

// The last of them from order_[first] on; nullptr if there is none.
SequenceState* Scheduler::last_preemptible(std::size_t first, int64_t below_priority) {
  for (std::size_t i = order_.size(); i-- > first;) {
    SequenceState& state = *order_[i].state;
    if (preemptible(state, below_priority)) return &state;
  }
  return nullptr;
}

// A token of it that is being sampled is not lost: commit() appends it while it waits.
void Scheduler::preempt(SequenceState& state) {
  leave_seat(state);
  state.sequence.computed = 0;
  state.scheduled = 0;
  state.cached_blocks = 0;
  state.waiting_since = state.sequence.arrival;
  state.preempted_in = planning_;
  ++state.sequence.preemptions;
  ++totals_.preemptions;
  wait(state);
}

void Scheduler::add_to_plan(SequenceState& state, int64_t num_tokens, double now, BatchPlan& plan) {
  Sequence& sequence = state.sequence;
  if (sequence.started == 0) sequence.started = now;
  const int64_t first = state.scheduled;
  const int64_t end = first + num_tokens;
  const int64_t known = std::min(end, sequence.length());
  const bool last = num_tokens == state.pending();
  Wants wants = Wants::kNothing;
  if (last) wants = sequence.kind == SequenceKind::kEmbed ? Wants::kEmbedding : Wants::kLogits;
  plan.sequences.push_back({.id = sequence.id,
                            .first_position = first,
                            .num_tokens = num_tokens,
                            .prompt_len = sequence.prompt_len,
                            .num_blocks = blocks_for(end),
                            .wants = wants});
  plan.tokens.insert(plan.tokens.end(), sequence.tokens.begin() + first,
                     sequence.tokens.begin() + known);
  if (known < end) plan.tokens.push_back(kTokenOfLastStep);
  plan.blocks.insert(plan.blocks.end(), sequence.blocks.begin(),
                     sequence.blocks.begin() + blocks_for(end));
  plan.num_logit_rows += wants == Wants::kLogits ? 1 : 0;
  plan.num_embedding_rows += wants == Wants::kEmbedding ? 1 : 0;
  state.scheduled = end;
  state.awaited += wants == Wants::kLogits ? 1 : 0;
  state.waiting_since = now;
  state.last_step = step_;
}

}  // namespace chitu
