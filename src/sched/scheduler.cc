#include "sched/scheduler.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/counted.h"
#include "base/round_up.h"

namespace chitu {
namespace {

Status check(const Sequence& sequence) {
  if (sequence.tokens.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "the prompt has no tokens");
  }
  const bool answers = sequence.kind == SequenceKind::kGenerate;
  if (answers && sequence.max_tokens <= sequence.length()) {
    return make_error(ErrorCode::kInvalidArgument,
                      "a prompt of {} leaves no room for an answer within {}",
                      counted(sequence.length(), "token"), counted(sequence.max_tokens, "token"));
  }
  return {};
}

}  // namespace

Scheduler::Scheduler(const SchedulerLimits& limits)
    : limits_(limits), blocks_(limits.num_blocks, limits.block_size, limits.prefix_cache) {
  CHECK(limits.max_sequences >= 1 && limits.block_size >= 1);
  CHECK(limits.max_step_tokens >= limits.max_sequences);
  CHECK(limits.max_step_sequences >= 0);
  if (limits.max_step_sequences == 0 || limits.max_step_sequences > limits.max_sequences) {
    limits_.max_step_sequences = limits.max_sequences;
  }
  const auto seats = static_cast<std::size_t>(limits.max_sequences);
  running_.reserve(seats);
  views_.reserve(seats);
  ranks_.reserve(seats);
  order_.reserve(seats);
  admitted_.reserve(seats);
  held_.reserve(seats);
  releases_.resize(static_cast<std::size_t>(limits.num_blocks));
}

Status Scheduler::add(Sequence sequence) {
  TRY_STATUS(check(sequence));
  CHECK(sequence.computed == 0 && sequence.blocks.empty() && !states_.contains(sequence.id));
  sequence.prompt_len = sequence.length();
  if (sequence.kind == SequenceKind::kEmbed) sequence.max_tokens = sequence.prompt_len;
  if (blocks_for(sequence.max_tokens) > blocks_.size()) {
    return make_error(ErrorCode::kResourceExhausted,
                      "{} tokens do not fit into a KV cache of {} tokens", sequence.max_tokens,
                      blocks_.size() * limits_.block_size);
  }
  try {
    sequence.tokens.reserve(static_cast<std::size_t>(sequence.max_tokens));
    sequence.blocks.reserve(static_cast<std::size_t>(blocks_for(sequence.max_tokens)));
    waiting_.reserve(states_.size() + 1);
    SequenceState& state = states_[sequence.id];
    state.sequence = std::move(sequence);
    state.waiting_since = state.sequence.arrival;
    wait(state);
  } catch (const std::bad_alloc&) {
    // Short enough to need no memory itself.
    return make_error(ErrorCode::kResourceExhausted, "out of memory");
  }
  return {};
}

bool Scheduler::cancel(SequenceId id) {
  SequenceState* state = find(id);
  if (state == nullptr) return false;
  remove(*state);
  return true;
}

SchedulerStats Scheduler::stats() const {
  SchedulerStats stats = totals_;
  stats.waiting = waiting_.size();
  stats.running = static_cast<int64_t>(running_.size());
  stats.blocks_used = blocks_.size() - blocks_.available();
  stats.blocks_cached = blocks_.cached();
  stats.blocks_total = blocks_.size();
  return stats;
}

void Scheduler::commit(const BatchPlan& done, std::span<const int32_t> sampled,
                       std::vector<SequenceEvent>& events) {
  CHECK(static_cast<int64_t>(sampled.size()) == done.num_logit_rows);
  std::size_t row = 0;
  for (const PlannedSequence& planned : done.sequences) {
    const int32_t token = planned.wants == Wants::kLogits ? sampled[row++] : -1;
    SequenceState* const state = find(planned.id);
    if (state == nullptr) continue;  // cancelled since it was planned
    Sequence& sequence = state->sequence;
    if (state->running) {  // else it was preempted since, and its blocks are gone
      CHECK(planned.first_position == sequence.computed);
      sequence.computed += planned.num_tokens;
      cache_full_blocks(*state);
    }
    if (planned.wants == Wants::kNothing) continue;
    FinishReason finish = FinishReason::kStop;
    if (planned.wants == Wants::kLogits) {
      --state->awaited;
      finish = sequence.append(token);
    }
    events.push_back({planned.id, token, finish, sequence.cached_tokens, sequence.started});
    if (finish != FinishReason::kNone) remove(*state);
  }
}

void Scheduler::fail(const BatchPlan& done, std::vector<SequenceEvent>& events) {
  for (const PlannedSequence& planned : done.sequences) {
    SequenceState* const state = find(planned.id);
    if (state == nullptr) continue;
    const Sequence& sequence = state->sequence;
    events.push_back(
        {planned.id, -1, FinishReason::kError, sequence.cached_tokens, sequence.started});
    remove(*state);
  }
}

void Scheduler::finalize(BatchPlan& next) {
  std::size_t kept = 0;
  int64_t token = 0;
  int64_t kept_tokens = 0;
  int64_t kept_blocks = 0;
  for (const PlannedSequence planned : next.sequences) {
    const int64_t first_token = std::exchange(token, token + planned.num_tokens);
    const SequenceState* const state = find(planned.id);
    if (state == nullptr) {
      next.num_logit_rows -= planned.wants == Wants::kLogits ? 1 : 0;
      next.num_embedding_rows -= planned.wants == Wants::kEmbedding ? 1 : 0;
      room_.sequences += 1;
      room_.tokens += planned.num_tokens;
      if (planned.first_position < planned.prompt_len) room_.prompt_tokens += planned.num_tokens;
      continue;
    }
    const Sequence& sequence = state->sequence;
    next.sequences[kept++] = planned;
    if (kept_tokens != first_token) {
      std::copy_n(next.tokens.begin() + first_token, planned.num_tokens,
                  next.tokens.begin() + kept_tokens);
    }
    kept_tokens += planned.num_tokens;
    int32_t& last = next.tokens[static_cast<std::size_t>(kept_tokens - 1)];
    if (last == kTokenOfLastStep) {
      last = sequence
                 .tokens[static_cast<std::size_t>(planned.first_position + planned.num_tokens - 1)];
    }
    // commit() may have put equal blocks of the prefix cache in the place of its own.
    std::copy_n(sequence.blocks.begin(), planned.num_blocks, next.blocks.begin() + kept_blocks);
    kept_blocks += planned.num_blocks;
  }
  next.sequences.resize(kept);
  next.tokens.resize(static_cast<std::size_t>(kept_tokens));
  next.blocks.resize(static_cast<std::size_t>(kept_blocks));
}

StepLoad Scheduler::decoding() const {
  StepLoad load;
  for (const SequenceState* state : running_) {
    if (!state->decoding() || state->complete()) continue;
    ++load.decode_rows;
    load.decode_context += state->scheduled + 1;
  }
  return load;
}

int64_t Scheduler::prompt_position() const {
  int64_t position = 0;
  for (const SequenceState* state : running_) {
    if (!state->decoding()) position = std::max(position, state->scheduled);
  }
  return position;
}

void Scheduler::reserve(BatchPlan& plan, int64_t max_sequence_tokens) const {
  const int64_t sequences = limits_.max_step_sequences;
  plan.sequences.reserve(static_cast<std::size_t>(sequences));
  plan.tokens.reserve(static_cast<std::size_t>(limits_.max_step_tokens));
  plan.blocks.reserve(static_cast<std::size_t>(sequences * blocks_for(max_sequence_tokens)));
}

int64_t Scheduler::blocks_for(int64_t tokens) const { return div_up(tokens, limits_.block_size); }

int64_t Scheduler::blocks_to_come(const SequenceState& state) const {
  return blocks_for(state.most_computed()) - static_cast<int64_t>(state.sequence.blocks.size());
}

SequenceState* Scheduler::find(SequenceId id) {
  const auto it = states_.find(id);
  return it == states_.end() ? nullptr : &it->second;
}

void Scheduler::cache_full_blocks(SequenceState& state) {
  Sequence& sequence = state.sequence;
  const int64_t full = sequence.computed / limits_.block_size;
  if (full == state.cached_blocks) return;
  const std::span<BlockId> blocks(sequence.blocks.data(), static_cast<std::size_t>(full));
  state.cached_blocks =
      blocks_.insert(sequence.cache_salt, sequence.tokens, blocks, state.cached_blocks);
}

void Scheduler::wait(SequenceState& state) {
  const Sequence& sequence = state.sequence;
  waiting_.add(state, limits_.policy.ranks_by_cache
                          ? blocks_.match_length(sequence.cache_salt, sequence.tokens)
                          : 0);
}

void Scheduler::leave_seat(SequenceState& state) {
  blocks_to_come_ -= blocks_to_come(state);
  blocks_.release(state.sequence.blocks);
  state.sequence.blocks.clear();
  running_[state.running_place] = running_.back();
  running_[state.running_place]->running_place = state.running_place;
  running_.pop_back();
  state.running = false;
}

void Scheduler::remove(SequenceState& state) {
  if (state.running) {
    leave_seat(state);
  } else {
    waiting_.remove(state);
  }
  states_.erase(state.sequence.id);
}

}  // namespace chitu
