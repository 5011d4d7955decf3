// Planning and committing allocate nothing, whatever happens in a step; and where add() gets no
// memory, that request is refused and the others go on.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <optional>
#include <random>

#include "sched/scheduler.h"

namespace {
int64_t allocations = 0;
int64_t allowed = INT64_MAX;  // further ones fail
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (--allowed < 0) throw std::bad_alloc();
  void* data = std::malloc(bytes == 0 ? 1 : bytes);
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
[[gnu::noinline]] void operator delete(void* data) noexcept { std::free(data); }
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept { std::free(data); }

namespace chitu {
namespace {

const SchedulerLimits kLimits{
    .max_sequences = 6, .max_step_tokens = 40, .block_size = 4, .num_blocks = 40};

Sequence random_sequence(std::mt19937& random, int64_t id, std::string salt) {
  Sequence s{.id = SequenceId{id}};
  for (std::size_t n = 1 + random() % 60; n > 0; --n) {
    s.tokens.push_back(static_cast<int32_t>(random() % 2));
  }
  s.max_tokens = s.length() + 1 + static_cast<int64_t>(random() % 60);
  s.priority = static_cast<int32_t>(random() % 3);
  s.cache_salt = std::move(salt);
  return s;
}

struct Loop {
  explicit Loop(const SchedulerLimits& limits) : scheduler(limits) {
    scheduler.reserve(current, 200);
    scheduler.reserve(next, 200);
    events.reserve(100);
    sampled.reserve(100);
  }
  void step() {
    events.clear();
    scheduler.plan(static_cast<double>(++steps), 16, next);
    sampled.resize(static_cast<std::size_t>(current.num_logit_rows), 1);
    scheduler.commit(current, sampled, events);
    scheduler.finalize(next);
    scheduler.top_up(static_cast<double>(steps), 16, next);
    std::swap(current, next);
  }

  Scheduler scheduler;
  BatchPlan current;
  BatchPlan next;
  std::vector<int32_t> sampled;
  std::vector<SequenceEvent> events;
  int64_t steps = 0;
};

TEST(SchedulerMemory, StepsAllocateNothing) {
  for (const Policy& policy : policies()) {
    SchedulerLimits limits = kLimits;
    limits.policy = policy;
    limits.num_blocks = 64;  // so many that the cache never loses all it has, and the salt's root
    Loop loop(limits);
    std::mt19937 random(3);
    ASSERT_TRUE(loop.scheduler.add(random_sequence(random, -1, "")).ok());
    // A request for which the salt's root is made, and which keeps it.
    while (loop.scheduler.has_work()) loop.step();
    int64_t id = 0;
    for (int i = 0; i < 2000 || loop.scheduler.has_work(); ++i) {
      if (i < 2000 && random() % 8 == 0) {
        ASSERT_TRUE(loop.scheduler.add(random_sequence(random, id++, "")).ok());
      }
      const int64_t before = allocations;
      if (random() % 40 == 0) loop.scheduler.cancel(SequenceId{id - 2});
      loop.step();
      ASSERT_EQ(allocations, before) << policy.name << ", step " << i;
    }
    EXPECT_GT(loop.scheduler.stats().preemptions, 10);
    EXPECT_GT(loop.scheduler.stats().prefix_hits, 10);
    EXPECT_EQ(loop.scheduler.stats().blocks_used, 0);
  }
}

TEST(SchedulerMemory, ARequestWithoutMemoryIsRefusedAndTheOthersGoOn) {
  Loop loop(kLimits);
  std::mt19937 random(4);
  int64_t refused = 0;
  int64_t ended = 0;
  for (int64_t i = 0; i < 300; ++i) {
    Sequence s = random_sequence(random, i, "tenant " + std::to_string(i % 7));
    std::optional<Status> added;
    // The first few allocations of this request and of its first steps succeed, the others fail.
    allowed = static_cast<int64_t>(random() % 8);
    try {
      added = loop.scheduler.add(std::move(s));
    } catch (const std::bad_alloc&) {
      ADD_FAILURE() << "add() let an exception out";
    }
    loop.step();
    allowed = INT64_MAX;
    refused += added->ok() ? 0 : 1;
    for (int n = 0; n < 3; ++n) loop.step();
    for (const SequenceEvent& e : loop.events) ended += e.finish != FinishReason::kNone ? 1 : 0;
  }
  EXPECT_GT(refused, 50);
  EXPECT_LT(refused, 250);
  while (loop.scheduler.has_work()) loop.step();
  EXPECT_GT(ended, 0);
  EXPECT_EQ(loop.scheduler.stats().blocks_used, 0);
}

}  // namespace
}  // namespace chitu
