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

}  // namespace
}  // namespace chitu
