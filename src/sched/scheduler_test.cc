#include "sched/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>

namespace chitu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Sequence sequence(int64_t id, int64_t prompt_len, int64_t answer_len) {
  Sequence s{.id = SequenceId{id}, .max_tokens = prompt_len + answer_len, .stop_tokens = {-1}};
  s.tokens.resize(static_cast<std::size_t>(prompt_len));
  std::iota(s.tokens.begin(), s.tokens.end(), static_cast<int32_t>(id * 1000));
  return s;
}

// One step whose every sampled token is `token`.
std::vector<SequenceEvent> step(Scheduler& scheduler, BatchPlan& plan, int32_t token = 7) {
  scheduler.admit();
  scheduler.plan(plan);
  std::vector<SequenceEvent> events;
  scheduler.commit(plan, std::vector<int32_t>(static_cast<std::size_t>(plan.num_logit_rows), token),
                   events);
  return events;
}

TEST(Scheduler, ComputesAPromptInChunksThenDecodes) {
  Scheduler scheduler({.max_sequences = 1, .max_step_tokens = 4, .block_size = 4, .num_blocks = 4});
  ASSERT_TRUE(scheduler.add(sequence(1, 6, 2)).ok());
  BatchPlan plan;

  EXPECT_TRUE(step(scheduler, plan).empty());
  EXPECT_THAT(plan.tokens, ElementsAre(1000, 1001, 1002, 1003));
  EXPECT_EQ(plan.blocks.size(), 1U);
  EXPECT_EQ(plan.num_logit_rows, 0);

  const auto first = step(scheduler, plan);
  EXPECT_EQ(plan.sequences[0], (PlannedSequence{SequenceId{1}, 4, 2, 6, 2, true}));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].token, 7);
  EXPECT_EQ(first[0].finish, FinishReason::kNone);

  const auto second = step(scheduler, plan);
  EXPECT_THAT(plan.tokens, ElementsAre(7));
  EXPECT_EQ(plan.sequences[0].first_position, 6);
  EXPECT_EQ(second[0].finish, FinishReason::kLength);
  EXPECT_FALSE(scheduler.has_work());
  EXPECT_EQ(scheduler.blocks_available(), 4);
}

TEST(Scheduler, DecodesBesideAPromptWithinTheBudget) {
  Scheduler scheduler(
      {.max_sequences = 3, .max_step_tokens = 5, .block_size = 4, .num_blocks = 32});
  ASSERT_TRUE(scheduler.add(sequence(1, 2, 8)).ok());
  BatchPlan plan;
  step(scheduler, plan);
  ASSERT_TRUE(scheduler.add(sequence(2, 6, 8)).ok());
  ASSERT_TRUE(scheduler.add(sequence(3, 3, 8)).ok());

  step(scheduler, plan);
  ASSERT_EQ(plan.sequences.size(), 2U);
  EXPECT_EQ(plan.sequences[0].id, SequenceId{1});
  EXPECT_EQ(plan.sequences[0].num_tokens, 1);
  EXPECT_EQ(plan.sequences[1].num_tokens, 4);
  EXPECT_EQ(plan.num_logit_rows, 1);

  step(scheduler, plan);
  ASSERT_EQ(plan.sequences.size(), 3U);
  EXPECT_EQ(plan.sequences[1].num_tokens, 2);
  EXPECT_EQ(plan.sequences[2].num_tokens, 2);
  EXPECT_TRUE(plan.sequences[1].wants_logits);
  EXPECT_FALSE(plan.sequences[2].wants_logits);
}

TEST(Scheduler, AdmitsOnlyWhatTheCacheCanHoldToItsEnd) {
  Scheduler scheduler(
      {.max_sequences = 4, .max_step_tokens = 64, .block_size = 4, .num_blocks = 5});
  ASSERT_TRUE(scheduler.add(sequence(1, 4, 8)).ok());  // 3 blocks
  ASSERT_TRUE(scheduler.add(sequence(2, 4, 8)).ok());  // 3 more: waits
  ASSERT_TRUE(scheduler.add(sequence(3, 2, 2)).ok());  // fits, but is behind: no overtaking
  BatchPlan plan;
  step(scheduler, plan);
  EXPECT_EQ(scheduler.num_running(), 1);
  EXPECT_EQ(scheduler.num_waiting(), 2);
  while (scheduler.num_waiting() == 2) step(scheduler, plan);
  EXPECT_EQ(plan.sequences[0].id, SequenceId{2});
}

TEST(Scheduler, StopsAtAStopToken) {
  Scheduler scheduler({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 4});
  ASSERT_TRUE(scheduler.add(sequence(1, 3, 9)).ok());
  BatchPlan plan;
  EXPECT_EQ(step(scheduler, plan, 5)[0].finish, FinishReason::kNone);
  EXPECT_EQ(step(scheduler, plan, -1)[0].finish, FinishReason::kStop);
  EXPECT_FALSE(scheduler.has_work());
}

TEST(Scheduler, CancelsWaitingAndRunningSequences) {
  Scheduler scheduler({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 4});
  ASSERT_TRUE(scheduler.add(sequence(1, 3, 9)).ok());
  ASSERT_TRUE(scheduler.add(sequence(2, 3, 9)).ok());
  BatchPlan plan;
  step(scheduler, plan);
  EXPECT_TRUE(scheduler.cancel(SequenceId{2}));
  EXPECT_TRUE(scheduler.cancel(SequenceId{1}));
  EXPECT_FALSE(scheduler.cancel(SequenceId{1}));
  EXPECT_FALSE(scheduler.has_work());
  EXPECT_EQ(scheduler.blocks_available(), 4);
}

TEST(Scheduler, DropsTheResultOfASequenceCancelledWhileItWasComputed) {
  Scheduler scheduler({.max_sequences = 2, .max_step_tokens = 8, .block_size = 4, .num_blocks = 8});
  ASSERT_TRUE(scheduler.add(sequence(1, 2, 9)).ok());
  ASSERT_TRUE(scheduler.add(sequence(2, 2, 9)).ok());
  BatchPlan plan;
  scheduler.admit();
  scheduler.plan(plan);
  scheduler.cancel(SequenceId{1});
  std::vector<SequenceEvent> events;
  scheduler.commit(plan, std::vector<int32_t>{10, 20}, events);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].id, SequenceId{2});
  EXPECT_EQ(events[0].token, 20);
}

TEST(Scheduler, RefusesWhatCanNeverRun) {
  Scheduler scheduler({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 4});
  EXPECT_THAT(scheduler.add(sequence(1, 0, 4)).error().message, HasSubstr("no tokens"));
  EXPECT_THAT(scheduler.add(sequence(1, 4, 0)).error().message, HasSubstr("no room"));
  EXPECT_THAT(scheduler.add(sequence(1, 4, 13)).error().message, HasSubstr("cache of 16 tokens"));
  EXPECT_FALSE(scheduler.has_work());
}

// Random arrivals and cancellations: every step stays within its limits, every token of every
// prompt is computed exactly once and in order, and all blocks come back.
TEST(Scheduler, KeepsItsPromisesUnderRandomLoad) {
  const SchedulerLimits limits{
      .max_sequences = 5, .max_step_tokens = 11, .block_size = 3, .num_blocks = 40};
  Scheduler scheduler(limits);
  std::mt19937 random(3);
  std::map<SequenceId, int64_t> computed;
  int64_t next_id = 0;
  BatchPlan plan;
  for (int i = 0; i < 3000 || scheduler.has_work(); ++i) {
    if (i < 3000 && random() % 4 == 0) {
      const auto added = scheduler.add(sequence(next_id++, 1 + random() % 30, 1 + random() % 20));
      ASSERT_TRUE(added.ok());
    }
    if (random() % 50 == 0) scheduler.cancel(SequenceId{next_id - 1});
    scheduler.admit();
    scheduler.plan(plan);
    BatchPlan again;
    scheduler.plan(again);
    ASSERT_EQ(plan, again);
    ASSERT_EQ(plan.empty(), !scheduler.has_work());
    ASSERT_LE(static_cast<int64_t>(plan.tokens.size()), limits.max_step_tokens);
    ASSERT_LE(static_cast<int64_t>(plan.sequences.size()), limits.max_sequences);
    for (const PlannedSequence& planned : plan.sequences) {
      ASSERT_EQ(planned.first_position, computed[planned.id]);
      computed[planned.id] += planned.num_tokens;
      ASSERT_GE(planned.num_blocks * limits.block_size, computed[planned.id]);
    }
    std::vector<SequenceEvent> events;
    const std::vector<int32_t> sampled(static_cast<std::size_t>(plan.num_logit_rows), 1);
    scheduler.commit(plan, sampled, events);
  }
  EXPECT_EQ(scheduler.blocks_available(), limits.num_blocks);
}

}  // namespace
}  // namespace chitu
