#include "simulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace chitu::sim {
namespace {

class Simulation {
 public:
  Simulation(const Workload& workload, const SimOptions& options, std::mt19937& random)
      : workload_(workload),
        options_(options),
        random_(random),
        scheduler_(workload.limits),
        model_(workload.limits.num_blocks, workload.limits.block_size) {}

  SimResult run() {
    while (next_arrival_ < workload_.requests.size() || scheduler_.has_work()) {
      if (now_ > options_.until) cancel_all();
      step();
      if (testing::Test::HasFailure()) break;
    }
    result_.stats = scheduler_.stats();
    check_blocks();
    return std::move(result_);
  }

 private:
  // Of one step: requests come and go before the next step is planned, and once more before the
  // last is committed.
  void step() {
    arrivals_and_cancellations();
    const StepLoad decoding = scheduler_.decoding();
    StepRecord record;
    record.budget = options_.itl_budget > 0 ? options_.itl_budget : times_.auto_budget(decoding);
    record.chunk = times_.prefill_tokens(record.budget, decoding, scheduler_.prompt_position(),
                                         workload_.limits.max_step_tokens);
    const bool idle = current_.empty();
    const int64_t preemptions = scheduler_.stats().preemptions;
    scheduler_.plan(now_, record.chunk, next_);
    check(next_, record.chunk);
    check_used(next_, record.chunk);
    if (scheduler_.stats().preemptions > preemptions) check_preemption(next_);
    EXPECT_TRUE(!idle || !next_.empty() || !scheduler_.has_work()) << "nothing gets on";
    now_ += seconds_;  // the last step ends
    arrivals_and_cancellations();
    commit();
    scheduler_.finalize(next_);
    if (workload_.top_up) top_up(record.chunk);
    note_ends(next_);
    std::swap(current_, next_);
    begin(record);
  }

  void top_up(int64_t chunk) {
    const std::vector<PlannedSequence> planned = next_.sequences;
    scheduler_.top_up(now_, chunk, next_);
    check(next_, chunk);
    EXPECT_TRUE(!next_.empty() || !scheduler_.has_work()) << "nothing gets on";
    ASSERT_GE(next_.sequences.size(), planned.size());
    EXPECT_TRUE(std::equal(planned.begin(), planned.end(), next_.sequences.begin()));
    result_.topped_up += next_.sequences.size() - planned.size();
  }

  void commit() {
    std::vector<SequenceEvent> events;
    if (fails_) {
      scheduler_.fail(current_, events);
    } else {
      scheduler_.commit(current_, sampled_, events);
    }
    for (const SequenceEvent& event : events) {
      Outcome& outcome = result_.outcomes[event.id];
      EXPECT_EQ(outcome.finish, FinishReason::kNone) << "an event after the last";
      if (event.token >= 0) {
        outcome.answer.push_back(event.token);
        outcome.token_times.push_back(now_);
      }
      outcome.finish = event.finish;
    }
  }

  void begin(StepRecord record) {
    sampled_ = model_.compute(current_);
    fails_ = std::bernoulli_distribution(workload_.failure_rate)(random_);
    seconds_ = 0;
    if (current_.empty()) {
      if (!scheduler_.has_work() && next_arrival_ < workload_.requests.size()) {
        now_ = std::max(now_, workload_.requests[next_arrival_].sequence.arrival);
      }
      return;
    }
    record.load = load_of(current_);
    record.seconds = seconds_ = options_.seconds(record.load);
    times_.observe(record.load, seconds_);
    result_.steps.push_back(record);
    for (const PlannedSequence& planned : current_.sequences) {
      Outcome& outcome = result_.outcomes[planned.id];
      if (outcome.first_planned < 0) outcome.first_planned = now_;
    }
  }

  void arrivals_and_cancellations() {
    for (; next_arrival_ < workload_.requests.size(); ++next_arrival_) {
      const SimRequest& request = workload_.requests[next_arrival_];
      if (request.sequence.arrival > now_) break;
      EXPECT_TRUE(scheduler_.add(request.sequence).ok());
      if (request.cancelled_at < std::numeric_limits<double>::infinity()) {
        cancellations_.insert({request.cancelled_at, request.sequence.id});
      }
    }
    while (!cancellations_.empty() && cancellations_.begin()->first <= now_) {
      cancel(cancellations_.begin()->second);
      cancellations_.erase(cancellations_.begin());
    }
  }

  void cancel(SequenceId id) {
    if (scheduler_.cancel(id)) result_.outcomes[id].finish = FinishReason::kCancelled;
  }

  void cancel_all() {
    next_arrival_ = workload_.requests.size();
    for (const SimRequest& request : workload_.requests) cancel(request.sequence.id);
  }

  void check(const BatchPlan& plan, int64_t chunk) {
    const SchedulerLimits& limits = workload_.limits;
    EXPECT_LE(static_cast<int64_t>(plan.tokens.size()), limits.max_step_tokens);
    EXPECT_LE(scheduler_.stats().running, limits.max_sequences);
    EXPECT_LE(static_cast<int64_t>(plan.sequences.size()),
              limits.max_step_sequences > 0 ? limits.max_step_sequences : limits.max_sequences);
    std::set<SequenceId> seen;
    int64_t num_tokens = 0;
    int64_t num_blocks = 0;
    for (const PlannedSequence& s : plan.sequences) {
      EXPECT_TRUE(seen.insert(s.id).second);
      EXPECT_GE(s.num_tokens, 1);
      EXPECT_EQ(s.num_blocks,
                (s.first_position + s.num_tokens + limits.block_size - 1) / limits.block_size);
      num_tokens += s.num_tokens;
      num_blocks += s.num_blocks;
    }
    EXPECT_EQ(num_tokens, static_cast<int64_t>(plan.tokens.size()));
    EXPECT_EQ(num_blocks, static_cast<int64_t>(plan.blocks.size()));
    const auto decoding = std::count_if(plan.sequences.begin(), plan.sequences.end(),
                                        [this](const PlannedSequence& s) { return decodes(s); });
    // (One that was preempted may go on there as well, its blocks having stayed in the cache.)
    if (!limits.hybrid && decoding > 0 && scheduler_.stats().preemptions == 0) {
      EXPECT_EQ(decoding, static_cast<int64_t>(plan.sequences.size())) << "two kinds in a step";
    }
    if (decoding > 0 && !limits.policy.prompts_first) {
      EXPECT_LE(load_of(plan).prefill_tokens, chunk) << "too much of prompts beside decoding";
    }
  }

  // Where there are blocks for the longest in every seat, nobody waits without a reason.
  void check_used(const BatchPlan& plan, int64_t chunk) {
    const SchedulerLimits& limits = workload_.limits;
    const SchedulerStats stats = scheduler_.stats();
    if (!workload_.room_for_all || limits.prefix_cache || !limits.hybrid) return;
    if (stats.waiting == 0 || stats.running == limits.max_sequences || stats.preemptions > 0)
      return;
    if (static_cast<int64_t>(plan.sequences.size()) == limits.max_step_sequences) return;
    if (limits.policy.name == "balance") chunk = std::min(chunk, kLeastBalancedChunk);
    const int64_t left = limits.max_step_tokens - static_cast<int64_t>(plan.tokens.size());
    const int64_t prompts =
        std::accumulate(plan.sequences.begin(), plan.sequences.end(), int64_t{0},
                        [this](int64_t sum, const PlannedSequence& s) {
                          return sum + (decodes(s) ? 0 : s.num_tokens);
                        });
    EXPECT_TRUE(left == 0 || prompts >= chunk) << "seats, blocks and time, and somebody waits";
    ++result_.tried_waiting;
  }

  // Somebody has got on for it: one that has new blocks.
  void check_preemption(const BatchPlan& plan) {
    const bool useful =
        std::any_of(plan.sequences.begin(), plan.sequences.end(), [this](const PlannedSequence& s) {
          return s.first_position % workload_.limits.block_size == 0 || !decodes(s);
        });
    EXPECT_TRUE(useful) << "preempted in vain";
  }

  bool decodes(const PlannedSequence& s) const {
    const auto it = ended_at_.find(s.id);
    return it != ended_at_.end() && it->second == s.first_position;
  }

  void note_ends(const BatchPlan& plan) {
    for (const PlannedSequence& s : plan.sequences) {
      if (s.wants == Wants::kLogits) ended_at_[s.id] = s.first_position + s.num_tokens;
    }
  }

  // What sequences hold, what only the cache holds and what is free make up the whole.
  void check_blocks() {
    EXPECT_EQ(result_.stats.blocks_used, 0) << "blocks leaked";
    EXPECT_LE(result_.stats.blocks_cached, result_.stats.blocks_total);
    EXPECT_EQ(result_.stats.running, 0);
    EXPECT_EQ(result_.stats.waiting, 0);
  }

  const Workload& workload_;
  const SimOptions& options_;
  std::mt19937& random_;
  Scheduler scheduler_;
  FakeModel model_;
  StepTimeModel times_;
  SimResult result_;
  std::set<std::pair<double, SequenceId>> cancellations_;
  // Where the next token of those that have sampled one would stand, unless they are preempted.
  std::map<SequenceId, int64_t> ended_at_;
  std::size_t next_arrival_ = 0;
  double now_ = 0;
  // The step that is computed.
  BatchPlan current_;
  BatchPlan next_;
  std::vector<int32_t> sampled_;
  double seconds_ = 0;
  bool fails_ = false;
};

}  // namespace

SimResult simulate(const Workload& workload, const SimOptions& options, std::mt19937& random) {
  return Simulation(workload, options, random).run();
}

}  // namespace chitu::sim
