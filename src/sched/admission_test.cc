// Who gets a seat, and when.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sched/scheduler_driver.h"

namespace chitu {
namespace {

using testing::ElementsAre;

// A step is planned while another is computed; what comes in that time gets on with it.
TEST(Admission, TopsUpAPlanWithWhoCameMeanwhile) {
  Driver d({.max_sequences = 2, .max_step_tokens = 8, .block_size = 4, .num_blocks = 16});
  d.add(sequence(1, 4, 1));
  d.add(sequence(2, 4, 8));
  d.overlapped_step();
  d.scheduler.plan(++d.now, 4, d.next);  // 1 ends with the step that is computed
  EXPECT_THAT(ids(d.next), ElementsAre(2));
  d.add(sequence(3, 12, 8));
  std::vector<SequenceEvent> events;
  d.scheduler.commit(d.plan, d.sampled(7), events);
  d.scheduler.finalize(d.next);
  d.scheduler.top_up(++d.now, 4, d.next);
  EXPECT_THAT(ids(d.next), ElementsAre(2, 3));
  // Within what the plan had left of its prompts' tokens.
  EXPECT_THAT(d.next.tokens, ElementsAre(7, 3000, 3001, 3002, 3003));
  EXPECT_EQ(d.next.num_logit_rows, 1);
  d.scheduler.top_up(++d.now, 4, d.next);
  EXPECT_THAT(ids(d.next), ElementsAre(2, 3));
  std::swap(d.plan, d.next);
  d.run_to_the_end();
}

TEST(Admission, TopsUpAPlanWithTheRoomOfThoseThatEnded) {
  Driver d({.max_sequences = 2, .max_step_tokens = 4, .block_size = 4, .num_blocks = 16});
  d.add(sequence(1, 1, 8));
  d.add(sequence(2, 1, 8));
  d.add(sequence(3, 1, 8));
  d.overlapped_step();
  d.scheduler.plan(++d.now, 1, d.next);
  EXPECT_THAT(ids(d.next), ElementsAre(1, 2));
  d.scheduler.cancel(SequenceId{2});
  std::vector<SequenceEvent> events;
  d.scheduler.commit(d.plan, d.sampled(7), events);
  d.scheduler.finalize(d.next);
  d.scheduler.top_up(++d.now, 1, d.next);
  EXPECT_THAT(ids(d.next), ElementsAre(1, 3));
  std::swap(d.plan, d.next);
  d.run_to_the_end();
}

TEST(Admission, TopsUpAnEmptyPlanToAWholeStep) {
  Driver d({.max_sequences = 1, .max_step_tokens = 8, .block_size = 4, .num_blocks = 16});
  d.add(sequence(1, 4, 1));
  d.add(sequence(2, 4, 1));
  d.overlapped_step();
  d.scheduler.plan(++d.now, 8, d.next);
  EXPECT_TRUE(d.next.empty());  // the only seat is taken to the end of the step
  std::vector<SequenceEvent> events;
  d.scheduler.commit(d.plan, d.sampled(7), events);
  d.scheduler.finalize(d.next);
  d.scheduler.top_up(++d.now, 8, d.next);
  EXPECT_THAT(ids(d.next), ElementsAre(2));
  std::swap(d.plan, d.next);
  d.run_to_the_end();
}

// A block for the whole of each sequence: nobody who runs will need another one.
TEST(Admission, FillsAllSeatsWhereNobodyWillNeedFurtherBlocks) {
  for (const int64_t blocks_per_sequence : {1, 4}) {
    Driver d({.max_sequences = 16,
              .max_step_tokens = 512,
              .block_size = 32 / blocks_per_sequence,
              .num_blocks = 16 * blocks_per_sequence,
              .prefix_cache = false});
    for (int64_t id = 0; id < 20; ++id) d.add(sequence(id, 26, 6));
    d.step();
    EXPECT_EQ(d.scheduler.stats().running, 16);
    d.run_to_the_end();
    EXPECT_EQ(d.scheduler.stats().preemptions, 0);
  }
}

TEST(Admission, KeepsSpareBlocksForThoseThatGrow) {
  Driver d({.max_sequences = 16,
            .max_step_tokens = 512,
            .block_size = 4,
            .num_blocks = 16,
            .prefix_cache = false});
  for (int64_t id = 0; id < 16; ++id) d.add(sequence(id, 4, 8));
  d.step();
  EXPECT_EQ(d.scheduler.stats().running, 13);  // and 3 blocks
  d.run_to_the_end();
}

int64_t tokens_of(const BatchPlan& plan, int64_t id) {
  for (const PlannedSequence& s : plan.sequences) {
    if (s.id == SequenceId{id}) return s.num_tokens;
  }
  return 0;
}

TEST(Admission, ALongPromptLeavesRoomForShorterOnes) {
  for (const char* policy : {"fcfs", "prefill_first", "deadline"}) {
    Driver d({.max_sequences = 8,
              .max_step_tokens = 64,
              .block_size = 4,
              .num_blocks = 1000,
              .policy = *find_policy(policy)});
    d.add(sequence(1, 400, 4));
    d.step();
    EXPECT_EQ(tokens_of(d.plan, 1), 64);
    d.add(sequence(2, 300, 4));  // not much shorter: it waits for its turn
    d.step();
    EXPECT_THAT(ids(d.plan), ElementsAre(1));
    EXPECT_EQ(tokens_of(d.plan, 1), 64);
    d.add(sequence(3, 10, 4));
    d.step();
    EXPECT_EQ(tokens_of(d.plan, 1), 32 + 6) << policy;
    EXPECT_EQ(tokens_of(d.plan, 2), 16);
    EXPECT_EQ(tokens_of(d.plan, 3), 10);
    d.run_to_the_end();
  }
}

TEST(Admission, ShortIsWhatHasLittleLeftToCompute) {
  Driver d({.max_sequences = 8, .max_step_tokens = 64, .block_size = 4, .num_blocks = 1000});
  d.add(sequence(3, 400, 1));
  d.run_to_the_end();
  d.add(sequence(1, 400, 4));
  d.step();
  Sequence chat = sequence(3, 410, 4);
  chat.id = SequenceId{4};
  d.add(std::move(chat));
  d.step();
  EXPECT_EQ(tokens_of(d.plan, 4), 10);
  EXPECT_EQ(tokens_of(d.plan, 1), 54);
  d.run_to_the_end();
}

// One that has nothing to do with the prefix that many wait for does not wait for it.
TEST(Admission, ManyThatWaitForAPrefixAreInNobodysWay) {
  Driver d({.max_sequences = 200, .max_step_tokens = 256, .block_size = 4, .num_blocks = 4000});
  d.prefill_tokens = 16;
  d.add(sequence(1, 2, 500));
  d.overlapped_step();
  for (int64_t id = 2; id < 150; ++id) {
    Sequence s = sequence(2, 2000, 4);
    s.id = SequenceId{id};
    d.add(std::move(s));
  }
  d.add(sequence(150, 5, 4));
  for (int i = 0; i < 4; ++i) d.overlapped_step();
  EXPECT_EQ(d.scheduler.stats().running, 3);
  d.run_to_the_end();
}

TEST(Admission, WaitsForNoPrefixOfOneThatIsLeftOut) {
  Driver d({.max_sequences = 4,
            .max_step_tokens = 64,
            .block_size = 4,
            .num_blocks = 1000,
            .max_step_sequences = 2,
            .policy = *find_policy("deadline")});
  const auto due = [](double deadline, int64_t id, Sequence s) {
    s.id = SequenceId{id};
    s.deadline = deadline;
    return s;
  };
  d.add(sequence(1, 100, 4));  // without a deadline
  d.step();
  d.add(due(50, 2, sequence(2, 4, 40)));
  d.add(due(60, 3, sequence(3, 4, 40)));
  d.step();
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(2, 3));
  d.add(due(10, 4, sequence(1, 100, 4)));
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(4, 2));
  d.run_to_the_end();
}

Sequence with_priority(int32_t priority, Sequence sequence) {
  sequence.priority = priority;
  return sequence;
}

TEST(Admission, PreemptsNobodyInVain) {
  Driver d({.max_sequences = 8,
            .max_step_tokens = 512,
            .block_size = 4,
            .num_blocks = 104,
            .prefix_cache = false});
  d.add(with_priority(5, sequence(1, 240, 4)));  // 60 blocks
  d.add(sequence(2, 80, 40));                    // 20
  d.add(sequence(3, 80, 40));                    // 20
  d.step();
  EXPECT_EQ(d.scheduler.stats().running, 3);
  d.add(with_priority(1, sequence(4, 200, 4)));  // 50: the two before have 40
  for (int i = 0; i < 2; ++i) {
    d.step();
    EXPECT_EQ(d.scheduler.stats().preemptions, 0);
    EXPECT_THAT(ids(d.plan), ElementsAre(1, 2, 3));
  }
  // As soon as it is not in vain, it has their blocks.
  d.step();
  EXPECT_THAT(ids(d.plan), ElementsAre(1, 2, 3));
  d.step();
  EXPECT_EQ(ids(d.plan).front(), 4);
  d.run_to_the_end();
}

// What two share is free only when both have gone.
TEST(Admission, CountsTheBlocksThatItsVictimsShare) {
  for (const int64_t needed : {8, 9}) {
    Driver d({.max_sequences = 8, .max_step_tokens = 512, .block_size = 4, .num_blocks = 12});
    d.add(with_priority(5, sequence(1, 12, 20)));  // 3 blocks, and soon 4
    for (const int64_t id : {2, 3}) {              // 5 blocks each, of which they share 4
      Sequence s = sequence(5, 17, 3);
      s.id = SequenceId{id};
      d.add(std::move(s));
      d.step();
    }
    EXPECT_EQ(d.scheduler.stats().running, 3);
    EXPECT_EQ(d.scheduler.stats().blocks_used, 4 + 4 + 2);
    d.add(with_priority(1, sequence(4, 4 * needed, 4)));
    d.step();
    EXPECT_EQ(d.scheduler.stats().preemptions, needed == 8 ? 2 : 0);
    d.run_to_the_end();
  }
}

}  // namespace
}  // namespace chitu
