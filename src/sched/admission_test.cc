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
