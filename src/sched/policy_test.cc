#include "sched/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace chitu {
namespace {

using testing::ElementsAre;

// The indices of `views` in the order in which `policy` has them go, equals in their own order.
std::vector<int> order(std::string_view policy, const std::vector<SequenceView>& views,
                       double now = 100) {
  std::vector<Rank> ranks(views.size());
  find_policy(policy)->rank(views, now, ranks);
  std::vector<int> indices(views.size());
  std::iota(indices.begin(), indices.end(), 0);
  std::stable_sort(indices.begin(), indices.end(), [&](int a, int b) {
    return ranks[static_cast<std::size_t>(a)] < ranks[static_cast<std::size_t>(b)];
  });
  return indices;
}

TEST(Policies, AreFoundByTheirNames) {
  std::vector<std::string_view> names;
  for (const Policy& policy : policies()) {
    names.push_back(policy.name);
    EXPECT_EQ(find_policy(policy.name)->rank, policy.rank);
  }
  EXPECT_THAT(
      names, ElementsAre("fcfs", "prefill_first", "stride", "deadline", "prefix_align", "balance"));
  EXPECT_EQ(find_policy("lifo"), nullptr);
  EXPECT_EQ(default_policy().name, "fcfs");
}

TEST(Fcfs, GoesByArrival) {
  for (const char* policy : {"fcfs", "balance"}) {
    EXPECT_THAT(order(policy, {{.arrival = 3}, {.arrival = 1}, {.running = true, .arrival = 2}}),
                ElementsAre(1, 2, 0));
  }
}

TEST(PrefillFirst, PutsPromptsBeforeDecoding) {
  EXPECT_THAT(order("prefill_first", {{.running = true, .decoding = true, .arrival = 1},
                                      {.arrival = 3},
                                      {.running = true, .arrival = 2},
                                      {.running = true, .decoding = true, .priority = 9}}),
              ElementsAre(2, 1, 3, 0));
}

TEST(Stride, GoesByPriorityTimesWaiting) {
  // Scores: 10, 12, 2 * 6, 3 * 3, 20 / 2
  EXPECT_THAT(order("stride", {{.waiting_since = 90},
                               {.waiting_since = 88},
                               {.priority = 1, .waiting_since = 94},
                               {.priority = 2, .waiting_since = 97},
                               {.priority = -1, .waiting_since = 80}}),
              ElementsAre(2, 1, 0, 4, 3));
  // What was just computed has fallen back to 0, whatever its priority.
  EXPECT_THAT(order("stride", {{.priority = 100, .waiting_since = 100}, {.waiting_since = 99}}),
              ElementsAre(1, 0));
}

TEST(Deadline, GoesByDeadline) {
  EXPECT_THAT(order("deadline", {{.arrival = 0}, {.deadline = 200}, {.deadline = 50}}),
              ElementsAre(2, 1, 0));
}

TEST(PrefixAlign, GoesByCachedPrefixAndAge) {
  EXPECT_THAT(order("prefix_align", {{.cached = 64, .waiting_since = 100},
                                     {.cached = 512, .waiting_since = 100},
                                     {.cached = 0, .waiting_since = 99.5}}),
              ElementsAre(1, 2, 0));
  // However long the others' prefixes, in the end it is everybody's turn.
  EXPECT_THAT(order("prefix_align", {{.cached = 100000, .waiting_since = 1000}, {}}, 1000),
              ElementsAre(1, 0));
}

TEST(Policies, PutLargerPrioritiesFirst) {
  for (const Policy& policy : policies()) {
    const std::vector<SequenceView> views = {{.priority = -1, .waiting_since = 50},
                                             {.waiting_since = 50},
                                             {.priority = 1, .waiting_since = 50}};
    EXPECT_THAT(order(policy.name, views), ElementsAre(2, 1, 0)) << policy.name;
  }
}

TEST(Policies, SayHowMuchOfPromptsMayBeInAStep) {
  const PromptBudget few{.decode_rows = 4, .within_itl = 100, .most = 500};
  const PromptBudget many{.decode_rows = 60, .within_itl = 100, .most = 500};
  const PromptBudget slow{.decode_rows = 60, .within_itl = 16, .most = 500};
  for (const char* policy : {"fcfs", "stride", "deadline", "prefix_align"}) {
    EXPECT_EQ(find_policy(policy)->prompt_tokens(few), 100);
  }
  EXPECT_EQ(find_policy("prefill_first")->prompt_tokens(few), 500);
  EXPECT_EQ(find_policy("balance")->prompt_tokens(few), 32);
  EXPECT_EQ(find_policy("balance")->prompt_tokens(many), 60);
  EXPECT_EQ(find_policy("balance")->prompt_tokens(slow), 16);
}

}  // namespace
}  // namespace chitu
