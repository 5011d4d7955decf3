#include "sched/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "sched/scheduler_driver.h"

namespace chitu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Scheduler, ComputesAPromptInChunksThenDecodes) {
  Driver d({.max_sequences = 1, .max_step_tokens = 4, .block_size = 4, .num_blocks = 4});
  d.add(sequence(1, 6, 2));

  EXPECT_TRUE(d.step().empty());
  EXPECT_THAT(d.plan.tokens, ElementsAre(1000, 1001, 1002, 1003));
  EXPECT_THAT(d.plan.blocks, SizeIs(1));
  EXPECT_EQ(d.plan.num_logit_rows, 0);

  const auto first = d.step();
  EXPECT_EQ(d.plan.sequences[0], (PlannedSequence{SequenceId{1}, 4, 2, 6, 2, Wants::kLogits}));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].token, 7);
  EXPECT_EQ(first[0].finish, FinishReason::kNone);

  const auto second = d.step();
  EXPECT_THAT(d.plan.tokens, ElementsAre(7));
  EXPECT_EQ(d.plan.sequences[0].first_position, 6);
  EXPECT_EQ(second[0].finish, FinishReason::kLength);
  EXPECT_FALSE(d.scheduler.has_work());
  d.expect_no_block_lost();
}

TEST(Scheduler, PlansTheNextStepWhileTheLastIsComputed) {
  Driver d({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 4});
  d.add(sequence(1, 3, 3));
  EXPECT_TRUE(d.overlapped_step().empty());
  EXPECT_THAT(d.plan.tokens, SizeIs(3));

  // The token that the prompt's step samples is not known when the step after it is planned.
  d.scheduler.plan(0, 8, d.next);
  EXPECT_THAT(d.next.tokens, ElementsAre(kTokenOfLastStep));
  EXPECT_EQ(d.next.sequences[0].first_position, 3);
  EXPECT_THAT(d.next.sequences[0].wants, Wants::kLogits);
  std::vector<SequenceEvent> events;
  d.scheduler.commit(d.plan, std::vector<int32_t>{55}, events);
  d.scheduler.finalize(d.next);
  EXPECT_THAT(d.next.tokens, ElementsAre(55));
  std::swap(d.plan, d.next);

  EXPECT_EQ(d.overlapped_step(56)[0].token, 56);
  EXPECT_THAT(d.plan.tokens, ElementsAre(56));
  // The third token is its last: nothing is planned beyond it.
  EXPECT_EQ(d.overlapped_step(57)[0].finish, FinishReason::kLength);
  EXPECT_TRUE(d.plan.empty());
  EXPECT_FALSE(d.scheduler.has_work());
  d.expect_no_block_lost();
}

TEST(Scheduler, LeavesOutOfTheNextStepWhatHasEndedMeanwhile) {
  Driver d({.max_sequences = 3, .max_step_tokens = 30, .block_size = 2, .num_blocks = 40});
  for (const int64_t id : {1, 2, 3}) d.add(sequence(id, 5, 9));
  d.overlapped_step();
  d.scheduler.plan(0, 30, d.next);
  ASSERT_THAT(d.next.sequences, SizeIs(3));
  const std::vector<BlockId> blocks = d.next.blocks;
  std::vector<SequenceEvent> events;
  d.scheduler.commit(d.plan, std::vector<int32_t>{11, 999, 33}, events);  // the second stops
  d.scheduler.finalize(d.next);
  EXPECT_THAT(ids(d.next), ElementsAre(1, 3));
  EXPECT_THAT(d.next.tokens, ElementsAre(11, 33));
  EXPECT_EQ(d.next.num_logit_rows, 2);
  EXPECT_THAT(d.next.blocks,
              ElementsAre(blocks[0], blocks[1], blocks[2], blocks[6], blocks[7], blocks[8]));
  EXPECT_TRUE(d.scheduler.cancel(SequenceId{1}));
  d.scheduler.finalize(d.next);
  EXPECT_THAT(d.next.tokens, ElementsAre(33));
}

TEST(Scheduler, DecodesBesideAPromptWithinTheBudget) {
  Driver d({.max_sequences = 3, .max_step_tokens = 50, .block_size = 4, .num_blocks = 32});
  d.prefill_tokens = 4;
  d.add(sequence(1, 12, 8));
  d.step();
  EXPECT_THAT(d.plan.tokens, SizeIs(12));  // nobody decodes: nothing to protect
  d.add(sequence(2, 6, 8));
  d.add(sequence(3, 4, 8));

  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1, 2));
  EXPECT_EQ(d.plan.sequences[0].num_tokens, 1);
  EXPECT_EQ(d.plan.sequences[1].num_tokens, 4);
  EXPECT_EQ(d.plan.num_logit_rows, 1);

  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1, 2, 3));
  EXPECT_EQ(d.plan.sequences[1].num_tokens, 2);
  EXPECT_EQ(d.plan.sequences[2].num_tokens, 2);
  EXPECT_EQ(d.plan.sequences[1].wants, Wants::kLogits);
  EXPECT_EQ(d.plan.sequences[2].wants, Wants::kNothing);
}

TEST(Scheduler, KeepsAPlaceInEachStepForWhoDecodes) {
  Driver d({.max_sequences = 3, .max_step_tokens = 3, .block_size = 4, .num_blocks = 32});
  d.add(sequence(2, 2, 8));
  d.step();
  d.add(sequence(1, 9, 8));  // came earlier: first in rank
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1, 2));
  EXPECT_EQ(d.plan.sequences[0].num_tokens, 2);
}

TEST(Scheduler, TakesBlocksAsSequencesGrow) {
  Driver d({.max_sequences = 4, .max_step_tokens = 64, .block_size = 4, .num_blocks = 4});
  d.add(sequence(1, 4, 8));  // 3 blocks in the end, 1 for its prompt
  d.step();
  EXPECT_EQ(d.scheduler.stats().blocks_used, 1);
  d.step();
  EXPECT_EQ(d.scheduler.stats().blocks_used, 2);
  d.run_to_the_end();
}

TEST(Scheduler, PreemptsTheLastInRankAndResumesItWhereItWas) {
  Driver d({.max_sequences = 2,
            .max_step_tokens = 64,
            .block_size = 2,
            .num_blocks = 6,
            .prefix_cache = false});
  d.add(sequence(1, 4, 7));
  d.add(sequence(2, 4, 7));
  std::map<int64_t, std::vector<int32_t>> answers;
  std::map<int64_t, std::vector<int32_t>> recomputed;
  int32_t token = 100;
  while (d.scheduler.has_work()) {
    for (const SequenceEvent& e : d.step(++token)) {
      answers[static_cast<int64_t>(e.id)].push_back(e.token);
    }
    if (ids(d.plan) == std::vector<int64_t>{2} && d.plan.tokens.size() > 1) {
      recomputed[2] = d.plan.tokens;
    }
  }
  EXPECT_GE(d.scheduler.stats().preemptions, 1);
  EXPECT_THAT(answers[1], SizeIs(7));
  EXPECT_THAT(answers[2], SizeIs(7));
  // What it computes again is its prompt and all of its answer so far.
  ASSERT_THAT(recomputed[2], testing::SizeIs(testing::Gt(4)));
  EXPECT_EQ(recomputed[2][0], 2000);
  EXPECT_EQ(recomputed[2][4], answers[2][0]);
  d.expect_no_block_lost();
}

TEST(Scheduler, KeepsTheTokenThatIsSampledWhileItsSequenceIsPreempted) {
  Driver d({.max_sequences = 2,
            .max_step_tokens = 64,
            .block_size = 2,
            .num_blocks = 6,
            .prefix_cache = false});
  d.add(sequence(1, 4, 6));
  d.add(sequence(2, 4, 6));
  std::map<int64_t, std::vector<int32_t>> answers;
  int32_t token = 100;
  bool seen = false;
  while (d.scheduler.has_work()) {
    const int64_t before = d.scheduler.stats().preemptions;
    const auto events = d.overlapped_step(++token);
    for (const SequenceEvent& e : events) {
      answers[static_cast<int64_t>(e.id)].push_back(e.token);
      // The step that was computed while it was preempted still gave it a token.
      seen |= e.id == SequenceId{2} && d.scheduler.stats().preemptions > before;
    }
  }
  EXPECT_TRUE(seen);
  EXPECT_THAT(answers[1], SizeIs(6));
  EXPECT_THAT(answers[2], SizeIs(6));
  d.expect_no_block_lost();
}

TEST(Scheduler, PreemptsTheLowestPriorityFirst) {
  Driver d({.max_sequences = 3, .max_step_tokens = 64, .block_size = 2, .num_blocks = 9});
  for (const int64_t id : {1, 2, 3}) {
    Sequence s = sequence(id, 4, 5);
    s.priority = id == 2 ? -1 : 0;
    d.add(std::move(s));
  }
  d.step();
  EXPECT_EQ(d.scheduler.stats().running, 3);
  while (d.scheduler.stats().preemptions == 0) d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1, 3));
  d.run_to_the_end();
}

TEST(Scheduler, GivesTheSeatOfALowerPriorityToAHigherOne) {
  Driver d({.max_sequences = 1, .max_step_tokens = 64, .block_size = 2, .num_blocks = 20});
  d.add(sequence(1, 4, 50 - 20));
  d.step();
  d.add(sequence(2, 4, 5));
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1));  // equals wait for their turn
  Sequence urgent = sequence(3, 4, 5);
  urgent.priority = 1;
  d.add(std::move(urgent));
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(3));
  EXPECT_EQ(d.scheduler.stats().preemptions, 1);
  d.run_to_the_end();
}

TEST(Scheduler, LetsNobodyOvertakeWhoWaitsForBlocks) {
  Driver d({.max_sequences = 4,
            .max_step_tokens = 64,
            .block_size = 4,
            .num_blocks = 5,
            .prefix_cache = false});
  d.add(sequence(1, 12, 8));
  d.add(sequence(2, 12, 8));  // 3 blocks: has to wait
  d.add(sequence(3, 2, 2));   // would fit
  d.step();
  EXPECT_EQ(d.scheduler.stats().running, 1);
  while (d.scheduler.stats().waiting == 2) d.step();
  EXPECT_EQ(ids(d.plan).front(), 2);
  d.run_to_the_end();
}

TEST(Scheduler, StopsAtAStopTokenButNotBeforeMinTokens) {
  Driver d({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 4});
  d.add(sequence(1, 3, 9));
  EXPECT_EQ(d.step(5)[0].finish, FinishReason::kNone);
  EXPECT_EQ(d.step(999)[0].finish, FinishReason::kStop);
  EXPECT_FALSE(d.scheduler.has_work());

  Sequence longer = sequence(2, 3, 9);
  longer.min_tokens = 2;
  d.add(std::move(longer));
  EXPECT_EQ(d.step(999)[0].finish, FinishReason::kNone);
  EXPECT_EQ(d.step(999)[0].finish, FinishReason::kNone);
  EXPECT_EQ(d.step(999)[0].finish, FinishReason::kStop);
}

TEST(Scheduler, CancelsWaitingAndRunningSequencesAtOnce) {
  Driver d({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 4});
  d.add(sequence(1, 3, 9));
  d.add(sequence(2, 3, 9));
  d.step();
  EXPECT_TRUE(d.scheduler.cancel(SequenceId{2}));
  EXPECT_EQ(d.scheduler.stats().blocks_used, 1);
  EXPECT_TRUE(d.scheduler.cancel(SequenceId{1}));
  d.expect_no_block_lost();
  EXPECT_FALSE(d.scheduler.cancel(SequenceId{1}));
  EXPECT_FALSE(d.scheduler.has_work());
}

TEST(Scheduler, DropsTheResultOfASequenceCancelledWhileItWasComputed) {
  Driver d({.max_sequences = 2, .max_step_tokens = 8, .block_size = 4, .num_blocks = 8});
  d.add(sequence(1, 2, 9));
  d.add(sequence(2, 2, 9));
  d.scheduler.plan(0, 8, d.plan);
  d.scheduler.cancel(SequenceId{1});
  std::vector<SequenceEvent> events;
  d.scheduler.commit(d.plan, std::vector<int32_t>{10, 20}, events);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].id, SequenceId{2});
  EXPECT_EQ(events[0].token, 20);
}

TEST(Scheduler, EndsTheSequencesOfAStepThatFailed) {
  Driver d({.max_sequences = 2, .max_step_tokens = 8, .block_size = 4, .num_blocks = 8});
  for (const int64_t id : {1, 2, 3}) d.add(sequence(id, 2, 9));
  d.overlapped_step();
  d.scheduler.plan(0, 8, d.next);
  std::vector<SequenceEvent> events;
  d.scheduler.fail(d.plan, events);
  d.scheduler.finalize(d.next);
  EXPECT_TRUE(d.next.empty());
  EXPECT_THAT(d.next.tokens, IsEmpty());
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].finish, FinishReason::kError);
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(3));
  d.run_to_the_end();
}

TEST(Scheduler, ComputesEmbeddingsBesideAnswers) {
  Driver d({.max_sequences = 2, .max_step_tokens = 7, .block_size = 4, .num_blocks = 8});
  Sequence embedded = sequence(1, 8, 0);
  embedded.kind = SequenceKind::kEmbed;
  d.add(std::move(embedded));
  d.add(sequence(2, 5, 9));
  EXPECT_TRUE(d.step().empty());
  const auto events = d.step(42);
  EXPECT_THAT(ids(d.plan), ElementsAre(1, 2));
  EXPECT_EQ(d.plan.sequences[0].wants, Wants::kEmbedding);
  EXPECT_EQ(d.plan.num_logit_rows, 1);
  EXPECT_EQ(d.plan.num_embedding_rows, 1);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].finish, FinishReason::kStop);
  EXPECT_EQ(events[0].token, -1);
  EXPECT_EQ(events[1].token, 42);
  d.run_to_the_end();
}

TEST(Scheduler, RefusesWhatCanNeverRun) {
  Driver d({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 4});
  EXPECT_THAT(d.scheduler.add(sequence(1, 0, 4)).error().message, HasSubstr("no tokens"));
  EXPECT_THAT(d.scheduler.add(sequence(1, 4, 0)).error().message, HasSubstr("no room"));
  EXPECT_THAT(d.scheduler.add(sequence(1, 4, 13)).error().message, HasSubstr("cache of 16 tokens"));
  EXPECT_FALSE(d.scheduler.has_work());
}

TEST(PrefixCache, IsUsedByThoseThatComeLater) {
  Driver d({.max_sequences = 2, .max_step_tokens = 64, .block_size = 4, .num_blocks = 32});
  Sequence first = sequence(1, 10, 4);
  const std::vector<int32_t> prompt = first.tokens;
  d.add(std::move(first));
  d.run_to_the_end();
  EXPECT_EQ(d.scheduler.stats().blocks_cached, 3);  // 13 tokens were computed

  // A conversation goes on: the prompt is the prompt and answer of before, and more.
  Sequence second = sequence(2, 1, 4);
  second.tokens = prompt;
  second.tokens.insert(second.tokens.end(), {7, 7, 7, 7, 50, 51});
  second.max_tokens = 20;
  d.add(std::move(second));
  const auto events = d.step();
  EXPECT_EQ(d.plan.sequences[0].first_position, 12);
  EXPECT_THAT(d.plan.tokens, ElementsAre(7, 7, 50, 51));
  EXPECT_EQ(events[0].cached_tokens, 12);
  EXPECT_EQ(d.scheduler.stats().prefix_queries, 10 + 16);
  EXPECT_EQ(d.scheduler.stats().prefix_hits, 12);
  d.run_to_the_end();
}

TEST(PrefixCache, IsNotSharedAcrossSaltsNorUsedWhenItIsOff) {
  for (const bool on : {true, false}) {
    Driver d({.max_sequences = 2,
              .max_step_tokens = 64,
              .block_size = 4,
              .num_blocks = 32,
              .prefix_cache = on});
    for (const int64_t id : {1, 2}) {
      Sequence s = sequence(0, 10, 4);
      s.id = SequenceId{id};
      if (on) s.cache_salt = std::to_string(id);
      d.add(std::move(s));
    }
    d.step();
    EXPECT_THAT(d.plan.tokens, SizeIs(20)) << on;
    d.run_to_the_end();
    EXPECT_EQ(d.scheduler.stats().prefix_hits, 0);
  }
}

TEST(PrefixCache, EqualPromptsThatComeAtOnceAreComputedOnce) {
  Driver d({.max_sequences = 64, .max_step_tokens = 128, .block_size = 4, .num_blocks = 1000});
  for (int64_t id = 0; id < 64; ++id) {
    Sequence s = sequence(0, 400, 4);
    s.id = SequenceId{id};
    s.tokens.push_back(static_cast<int32_t>(5000 + id));  // a common prefix, and its own end
    s.max_tokens = 410;
    d.add(std::move(s));
  }
  int64_t computed = 0;
  while (d.scheduler.stats().running < 64) {
    d.overlapped_step();
    computed += static_cast<int64_t>(d.plan.tokens.size());
  }
  EXPECT_LE(computed, 400 + 64 + 64 * 10);
  EXPECT_EQ(d.scheduler.stats().prefix_hits, 63 * 400);
}

TEST(PrefixCache, AnotherOneComputesThePrefixIfItsComputerIsCancelled) {
  Driver d({.max_sequences = 4, .max_step_tokens = 8, .block_size = 4, .num_blocks = 100});
  for (const int64_t id : {1, 2}) {
    Sequence s = sequence(0, 40, 4);
    s.id = SequenceId{id};
    d.add(std::move(s));
  }
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1));
  d.scheduler.cancel(SequenceId{1});
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(2));
  EXPECT_EQ(d.plan.sequences[0].first_position, 8);
  d.run_to_the_end();
}

// Two sequences compute equal blocks in one step; the first to be committed stays, and the other's
// next step, planned already, reads it.
TEST(PrefixCache, EqualBlocksBecomeOne) {
  Driver d({.max_sequences = 2, .max_step_tokens = 64, .block_size = 4, .num_blocks = 32});
  d.add(sequence(1, 9, 9));
  d.overlapped_step();
  Sequence urgent = sequence(1, 9, 9);
  urgent.id = SequenceId{2};
  urgent.priority = 1;  // it does not wait for one of lower priority
  d.add(std::move(urgent));
  d.overlapped_step();
  ASSERT_THAT(ids(d.plan), ElementsAre(2, 1));
  EXPECT_EQ(d.plan.sequences[0].first_position, 0);
  const std::vector<BlockId> apart = d.plan.blocks;
  EXPECT_NE(apart[0], apart[3]);
  d.overlapped_step();
  ASSERT_THAT(ids(d.plan), ElementsAre(2, 1));
  EXPECT_THAT(d.plan.blocks,
              ElementsAre(apart[3], apart[4], apart[2], apart[3], apart[4], apart[5]));
  d.run_to_the_end();
}

TEST(Scheduler, PromptsAndDecodingTakeTurnsWhereTheyExcludeEachOther) {
  Driver d({.max_sequences = 3,
            .max_step_tokens = 4,
            .block_size = 4,
            .num_blocks = 32,
            .hybrid = false});
  d.add(sequence(1, 4, 8));
  d.step();
  d.add(sequence(2, 12, 8));
  std::vector<std::vector<int64_t>> steps;
  for (int i = 0; i < 6; ++i) {
    d.step();
    steps.push_back(ids(d.plan));
  }
  EXPECT_THAT(steps, ElementsAre(ElementsAre(1), ElementsAre(2), ElementsAre(1), ElementsAre(2),
                                 ElementsAre(1), ElementsAre(2)));
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1, 2));
  d.run_to_the_end();
}

TEST(Scheduler, PutsPromptsFirstWhereThePolicySaysSo) {
  for (const bool hybrid : {true, false}) {
    Driver d({.max_sequences = 3,
              .max_step_tokens = 4,
              .block_size = 4,
              .num_blocks = 32,
              .hybrid = hybrid,
              .policy = *find_policy("prefill_first")});
    d.prefill_tokens = 1;
    d.add(sequence(1, 4, 8));
    d.step();
    d.add(sequence(2, 8, 8));
    for (int i = 0; i < 2; ++i) {
      d.step();
      EXPECT_THAT(ids(d.plan), ElementsAre(2));
      EXPECT_THAT(d.plan.tokens, SizeIs(4));
    }
    d.step();
    EXPECT_THAT(ids(d.plan), ElementsAre(1, 2));
    d.run_to_the_end();
  }
}

TEST(Scheduler, TakesTurnsWhenAStepIsSmallerThanTheSeats) {
  Driver d({.max_sequences = 3,
            .max_step_tokens = 64,
            .block_size = 4,
            .num_blocks = 32,
            .max_step_sequences = 1,
            .policy = *find_policy("stride")});
  for (const int64_t id : {1, 2, 3}) {
    Sequence s = sequence(id, 2, 20);
    s.arrival = 0;
    d.add(std::move(s));
  }
  std::vector<int64_t> turns;
  for (int i = 0; i < 9; ++i) {
    d.step();
    ASSERT_THAT(d.plan.sequences, SizeIs(1));
    turns.push_back(ids(d.plan)[0]);
  }
  EXPECT_THAT(turns, ElementsAre(1, 2, 3, 1, 2, 3, 1, 2, 3));
  d.run_to_the_end();
}

TEST(Scheduler, AdmitsByDeadline) {
  Driver d({.max_sequences = 1,
            .max_step_tokens = 64,
            .block_size = 4,
            .num_blocks = 32,
            .policy = *find_policy("deadline")});
  for (const int64_t id : {1, 2, 3}) {
    Sequence s = sequence(id, 2, 1);
    s.deadline = static_cast<double>(100 - id);
    d.add(std::move(s));
  }
  std::vector<int64_t> turns;
  while (d.scheduler.has_work()) {
    d.step();
    turns.push_back(ids(d.plan)[0]);
  }
  EXPECT_THAT(turns, ElementsAre(3, 2, 1));
}

TEST(Scheduler, AdmitsFirstWhosePrefixIsCached) {
  Driver d({.max_sequences = 1,
            .max_step_tokens = 64,
            .block_size = 4,
            .num_blocks = 32,
            .policy = *find_policy("prefix_align")});
  d.add(sequence(3, 20, 1));
  d.run_to_the_end();
  d.now = 10;
  for (const int64_t id : {1, 2, 9}) {
    Sequence s = sequence(id == 9 ? 3 : id, 20, 1);
    s.id = SequenceId{id};
    s.arrival = d.now;
    d.add(std::move(s));
  }
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(9));
  d.run_to_the_end();
}

TEST(Scheduler, TellsTheLoadOfTheNextStep) {
  Driver d({.max_sequences = 3, .max_step_tokens = 8, .block_size = 4, .num_blocks = 32});
  d.add(sequence(1, 4, 8));
  d.add(sequence(2, 20, 8));
  d.step();
  EXPECT_EQ(d.scheduler.decoding(), (StepLoad{.decode_rows = 1, .decode_context = 5}));
  EXPECT_EQ(d.scheduler.prompt_position(), 4);
}

}  // namespace
}  // namespace chitu
