#include "sched/scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "base/counted.h"
#include "base/round_up.h"

namespace chitu {

Scheduler::Scheduler(const SchedulerLimits& limits) : limits_(limits), pool_(limits.num_blocks) {
  CHECK(limits.max_sequences >= 1 && limits.block_size >= 1);
  CHECK(limits.max_step_tokens >= limits.max_sequences);
}

Status Scheduler::add(Sequence sequence) {
  if (sequence.tokens.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "the prompt has no tokens");
  }
  if (sequence.max_tokens <= sequence.length()) {
    return make_error(ErrorCode::kInvalidArgument,
                      "a prompt of {} leaves no room for an answer within {}",
                      counted(sequence.length(), "token"), counted(sequence.max_tokens, "token"));
  }
  if (blocks_for(sequence) > pool_.size()) {
    return make_error(ErrorCode::kResourceExhausted,
                      "{} tokens do not fit into a KV cache of {} tokens", sequence.max_tokens,
                      pool_.size() * limits_.block_size);
  }
  CHECK(sequence.computed == 0 && sequence.blocks.empty());
  sequence.prompt_len = sequence.length();
  waiting_.push_back(std::move(sequence));
  return {};
}

bool Scheduler::cancel(SequenceId id) {
  const auto has_id = [&](const Sequence& sequence) { return sequence.id == id; };
  if (const auto it = std::find_if(running_.begin(), running_.end(), has_id);
      it != running_.end()) {
    pool_.release(it->blocks);
    running_.erase(it);
    return true;
  }
  const auto it = std::find_if(waiting_.begin(), waiting_.end(), has_id);
  if (it == waiting_.end()) return false;
  waiting_.erase(it);
  return true;
}

void Scheduler::admit() {
  while (!waiting_.empty() && num_running() < limits_.max_sequences) {
    Sequence& next = waiting_.front();
    if (!pool_.allocate(blocks_for(next), next.blocks)) return;
    next.tokens.reserve(static_cast<std::size_t>(next.max_tokens));  // no step allocates
    running_.push_back(std::move(next));
    waiting_.pop_front();
  }
}

void Scheduler::plan(BatchPlan& plan) const {
  plan.clear();
  for (const Sequence& sequence : running_) {
    if (sequence.pending() == 1) add_to_plan(sequence, 1, plan);
  }
  int64_t budget = limits_.max_step_tokens - static_cast<int64_t>(plan.tokens.size());
  for (const Sequence& sequence : running_) {
    if (sequence.pending() == 1) continue;
    const int64_t chunk = std::min(sequence.pending(), budget);
    if (chunk == 0) return;
    add_to_plan(sequence, chunk, plan);
    budget -= chunk;
  }
}

void Scheduler::commit(const BatchPlan& plan, std::span<const int32_t> sampled,
                       std::vector<SequenceEvent>& events) {
  CHECK(static_cast<int64_t>(sampled.size()) == plan.num_logit_rows);
  std::size_t row = 0;
  for (const PlannedSequence& planned : plan.sequences) {
    const auto it = std::find_if(running_.begin(), running_.end(),
                                 [&](const Sequence& s) { return s.id == planned.id; });
    // Cancelled since it was planned: its row is dropped.
    if (it == running_.end()) {
      row += planned.wants_logits ? 1 : 0;
      continue;
    }
    it->computed += planned.num_tokens;
    if (!planned.wants_logits) continue;
    const int32_t token = sampled[row++];
    const FinishReason finish = it->append(token);
    events.push_back({planned.id, token, finish});
    if (finish != FinishReason::kNone) {
      pool_.release(it->blocks);
      running_.erase(it);
    }
  }
}

// The last token's keys and values are never needed, but counting them keeps the rule simple.
int64_t Scheduler::blocks_for(const Sequence& sequence) const {
  return div_up(sequence.max_tokens, limits_.block_size);
}

void Scheduler::add_to_plan(const Sequence& sequence, int64_t num_tokens, BatchPlan& plan) const {
  const int64_t end = sequence.computed + num_tokens;
  const int64_t num_blocks = div_up(end, limits_.block_size);
  const bool wants_logits = end == sequence.length();
  plan.sequences.push_back({.id = sequence.id,
                            .first_position = sequence.computed,
                            .num_tokens = num_tokens,
                            .prompt_len = sequence.prompt_len,
                            .num_blocks = num_blocks,
                            .wants_logits = wants_logits});
  plan.tokens.insert(plan.tokens.end(), sequence.tokens.begin() + sequence.computed,
                     sequence.tokens.begin() + end);
  plan.blocks.insert(plan.blocks.end(), sequence.blocks.begin(),
                     sequence.blocks.begin() + num_blocks);
  plan.num_logit_rows += wants_logits ? 1 : 0;
}

}  // namespace chitu
