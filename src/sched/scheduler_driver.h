// What the tests of the scheduler drive it with.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "sched/scheduler.h"

namespace chitu {

// Its tokens are id * 1000 and those that follow, and 999 ends it.
inline Sequence sequence(int64_t id, int64_t prompt_len, int64_t answer_len) {
  Sequence s{.id = SequenceId{id}, .max_tokens = prompt_len + answer_len, .stop_tokens = {999}};
  s.tokens.resize(static_cast<std::size_t>(prompt_len));
  std::iota(s.tokens.begin(), s.tokens.end(), static_cast<int32_t>(id * 1000));
  s.arrival = static_cast<double>(id);
  return s;
}

inline std::vector<int64_t> ids(const BatchPlan& plan) {
  std::vector<int64_t> found;
  for (const PlannedSequence& s : plan.sequences) found.push_back(static_cast<int64_t>(s.id));
  return found;
}

// A scheduler and the step after the last one, planned, computed and committed in turn, or the next
// planned while the last is computed.
struct Driver {
  explicit Driver(const SchedulerLimits& limits) : scheduler(limits) {}

  void add(Sequence s) {
    const Status added = scheduler.add(std::move(s));
    ASSERT_TRUE(added.ok()) << added.error().message;
  }
  std::vector<int32_t> sampled(int32_t token) const {
    return std::vector<int32_t>(static_cast<std::size_t>(plan.num_logit_rows), token);
  }
  // One step whose every sampled token is `token`.
  std::vector<SequenceEvent> step(int32_t token = 7) {
    scheduler.plan(++now, prefill_tokens, plan);
    std::vector<SequenceEvent> events;
    scheduler.commit(plan, sampled(token), events);
    in_flight = false;
    return events;
  }
  // Plans the next step, and only then commits the last; `plan` is the one that is computed now.
  std::vector<SequenceEvent> overlapped_step(int32_t token = 7) {
    scheduler.plan(++now, prefill_tokens, next);
    std::vector<SequenceEvent> events;
    if (in_flight) scheduler.commit(plan, sampled(token), events);
    scheduler.finalize(next);
    std::swap(plan, next);
    in_flight = true;
    return events;
  }
  void run_to_the_end() {
    for (int i = 0; i < 10000 && scheduler.has_work(); ++i) overlapped_step();
    ASSERT_FALSE(scheduler.has_work());
    expect_no_block_lost();
  }
  void expect_no_block_lost() const { EXPECT_EQ(scheduler.stats().blocks_used, 0); }

  Scheduler scheduler;
  BatchPlan plan;
  BatchPlan next;
  bool in_flight = false;  // `plan` is to be committed
  double now = 0;
  int64_t prefill_tokens = 1 << 20;
};

}  // namespace chitu
