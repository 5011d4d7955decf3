// Whatever comes, and however little room there is: every request gets the answer that it would get
// alone, nobody is forgotten, no block is lost, and streams keep their pace.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "simulator.h"

namespace chitu::sim {
namespace {

// 2 ms, 0.4 ms for a token of a prompt, 0.3 ms for a decoding row, and what is attended to.
double linear_seconds(const StepLoad& load) {
  return 2e-3 + 4e-4 * static_cast<double>(load.prefill_tokens) +
         2e-8 * static_cast<double>(load.prefill_context) +
         3e-4 * static_cast<double>(load.decode_rows) +
         1e-7 * static_cast<double>(load.decode_context);
}

void expect_answer(const SimRequest& request, const Outcome& outcome) {
  const Sequence& s = request.sequence;
  const bool embeds = s.kind == SequenceKind::kEmbed;
  const std::vector<int32_t> alone =
      embeds ? std::vector<int32_t>() : answer_alone(s.tokens, s.max_tokens, s.min_tokens);
  std::vector<int32_t> expected = alone;
  switch (outcome.finish) {
    case FinishReason::kNone:
      ADD_FAILURE() << "request " << static_cast<int64_t>(s.id) << " was forgotten";
      return;
    case FinishReason::kCancelled:
    case FinishReason::kError:
      ASSERT_LE(outcome.answer.size(), alone.size());
      expected.resize(outcome.answer.size());
      break;
    case FinishReason::kStop:
      EXPECT_TRUE(embeds || alone.back() == kStopToken);
      break;
    case FinishReason::kLength:
      EXPECT_EQ(s.length() + static_cast<int64_t>(alone.size()), s.max_tokens);
      break;
  }
  EXPECT_EQ(outcome.answer, expected) << "request " << static_cast<int64_t>(s.id);
}

class SimulationOf : public testing::TestWithParam<Policy> {};

TEST_P(SimulationOf, RandomWorkloadsEndAsIfEachRequestWereAlone) {
  std::mt19937 random(11);
  int64_t preemptions = 0;
  int64_t hits = 0;
  int64_t tried_waiting = 0;
  std::size_t topped_up = 0;
  for (int i = 0; i < 500; ++i) {
    const Workload workload = random_workload(random, GetParam());
    SimResult result = simulate(workload, {.seconds = linear_seconds}, random);
    for (const SimRequest& request : workload.requests) {
      expect_answer(request, result.outcomes[request.sequence.id]);
    }
    ASSERT_FALSE(HasFailure()) << "in workload " << i;
    preemptions += result.stats.preemptions;
    hits += result.stats.prefix_hits;
    tried_waiting += result.tried_waiting;
    topped_up += result.topped_up;
  }
  // The workloads do try what they are to try.
  EXPECT_GT(preemptions, 500);
  EXPECT_GT(hits, 10000);
  EXPECT_GT(tried_waiting, 30);
  EXPECT_GT(topped_up, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Policies, SimulationOf,
                         testing::ValuesIn(policies().begin(), policies().end()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// A stream of requests that asks for more than the machine can do, for ever: one request every
// `gap` seconds.
Workload overload(const Policy& policy, double gap, int64_t count) {
  Workload workload{.limits = {.max_sequences = 4,
                               .max_step_tokens = 64,
                               .block_size = 4,
                               .num_blocks = 256,
                               .policy = policy}};
  for (int64_t id = 0; id < count; ++id) {
    SimRequest request;
    request.sequence = {.id = SequenceId{id},
                        .tokens = std::vector<int32_t>(64, kStopToken + 1),
                        .max_tokens = 64 + 16,
                        .arrival = gap * static_cast<double>(id)};
    workload.requests.push_back(std::move(request));
  }
  return workload;
}

// One request among them that the policy would have wait: it gets on all the same.
double seconds_until_it_got_on(Workload workload, const Sequence& sequence) {
  std::mt19937 random(1);
  const std::size_t i = workload.requests.size() / 4;
  Sequence& patient = workload.requests[i].sequence;
  const double arrival = patient.arrival;
  const SequenceId id = patient.id;
  patient = sequence;
  patient.id = id;
  patient.arrival = arrival;
  SimResult result = simulate(
      workload, {.seconds = linear_seconds, .until = workload.requests.back().sequence.arrival},
      random);
  const Outcome& outcome = result.outcomes[id];
  EXPECT_GE(outcome.first_planned, 0) << "it never got on";
  return outcome.first_planned - arrival;
}

Sequence unlike_the_others() {
  return {.tokens = std::vector<int32_t>(64, kStopToken + 2), .max_tokens = 80};
}

TEST(Starvation, PrefixAlignLetsOnWhoHasNoPrefix) {
  const auto waited = [](const char* policy) {
    return seconds_until_it_got_on(overload(*find_policy(policy), 0.01, 2000), unlike_the_others());
  };
  // The others have 60 tokens in the cache: a head start of 60 / 256 seconds, and those who come in
  // that time are served first.
  EXPECT_GT(waited("prefix_align"), waited("fcfs"));
  EXPECT_LT(waited("prefix_align"), waited("fcfs") + 1.0);
}

TEST(Starvation, StrideLetsOnWhoHasTheLowestPriority) {
  Sequence low = unlike_the_others();
  low.priority = -1;
  const double waited = seconds_until_it_got_on(overload(*find_policy("stride"), 0.012, 1500), low);
  EXPECT_LT(waited, 10.0);
}

TEST(Starvation, FcfsStartsRequestsInTheOrderOfTheirArrival) {
  for (const char* policy : {"fcfs", "balance"}) {
    std::mt19937 random(2);
    Workload workload = overload(*find_policy(policy), 0.01, 300);
    for (SimRequest& request : workload.requests) {
      request.sequence.tokens = {static_cast<int32_t>(request.sequence.id) % 100};
      request.sequence.tokens.resize(10 + random() % 50, 9);
    }
    SimResult result = simulate(workload, {.seconds = linear_seconds}, random);
    double last = 0;
    for (const auto& [id, outcome] : result.outcomes) {
      EXPECT_GE(outcome.first_planned, last);
      last = outcome.first_planned;
    }
  }
}

// Long prompts arrive while 16 streams run.
Workload streams_and_long_prompts(const Policy& policy) {
  Workload workload{.limits = {.max_sequences = 24,
                               .max_step_tokens = 2048,
                               .block_size = 16,
                               .num_blocks = 4000,
                               .policy = policy}};
  std::mt19937 random(4);
  for (int64_t id = 0; id < 16 + 20; ++id) {
    SimRequest request;
    Sequence& s = request.sequence;
    s.id = SequenceId{id};
    const int64_t length = id < 16 ? 20 : 1500;
    for (int64_t i = 0; i < length; ++i) {
      s.tokens.push_back(static_cast<int32_t>(kStopToken + 1 + random() % 100));
    }
    s.max_tokens = length + (id < 16 ? 1500 : 20);
    s.arrival = id < 16 ? 0 : 0.5 + 0.9 * static_cast<double>(id - 16);
    workload.requests.push_back(std::move(request));
  }
  return workload;
}

// The times between tokens of all streams, the shortest first.
std::vector<double> gaps(const SimResult& result) {
  std::vector<double> found;
  for (const auto& [id, outcome] : result.outcomes) {
    for (std::size_t i = 1; i < outcome.token_times.size(); ++i) {
      found.push_back(outcome.token_times[i] - outcome.token_times[i - 1]);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST(TimeBetweenTokens, StaysWithinTheBudgetWhileLongPromptsAreComputed) {
  std::mt19937 random(3);
  std::mt19937 noise(9);
  const SimOptions options{.seconds =
                               [&](const StepLoad& load) {
                                 std::uniform_real_distribution<double> strays(0.9, 1.1);
                                 return linear_seconds(load) * strays(noise);
                               },
                           .itl_budget = 0.06};
  const SimResult result =
      simulate(streams_and_long_prompts(*find_policy("fcfs")), options, random);
  const std::vector<double> between = gaps(result);
  EXPECT_LT(between[between.size() * 99 / 100], 1.15 * options.itl_budget);
  EXPECT_LT(between.back(), 1.5 * options.itl_budget);
  // And it is used: a step with prompts in it is not much shorter than allowed.
  std::vector<double> mixed;
  for (const StepRecord& step : result.steps) {
    if (step.load.decode_rows >= 10 && step.load.prefill_tokens >= step.chunk) {
      mixed.push_back(step.seconds);
    }
  }
  ASSERT_GT(mixed.size(), 100U);
  std::sort(mixed.begin(), mixed.end());
  EXPECT_NEAR(mixed[mixed.size() / 2], options.itl_budget, 0.15 * options.itl_budget);
}

TEST(TimeBetweenTokens, IsWhatPrefillFirstGivesUp) {
  std::mt19937 random(3);
  const SimOptions options{.seconds = linear_seconds, .itl_budget = 0.06};
  const SimResult result =
      simulate(streams_and_long_prompts(*find_policy("prefill_first")), options, random);
  EXPECT_GT(gaps(result).back(), 0.3);
}

// Prompts of 10 tokens come while long ones are computed beside the streams.
TEST(TimeToFirstToken, OfAShortPromptIsShortBesideLongOnes) {
  for (const char* policy : {"fcfs", "balance", "deadline", "prefill_first"}) {
    std::mt19937 random(3);
    Workload workload = streams_and_long_prompts(*find_policy(policy));
    std::vector<SimRequest>& requests = workload.requests;
    for (int i = 0; i < 30; ++i) {
      SimRequest request = requests.back();
      request.sequence.tokens.assign(10, 11 + i);
      request.sequence.max_tokens = 12;
      request.sequence.arrival = 0.8 + 0.5 * i;
      requests.push_back(std::move(request));
    }
    std::stable_sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) {
      return a.sequence.arrival < b.sequence.arrival;
    });
    int64_t id = 0;
    std::vector<std::pair<SequenceId, double>> short_ones;
    for (SimRequest& request : requests) {
      request.sequence.id = SequenceId{id++};
      if (request.sequence.max_tokens == 12) {
        short_ones.emplace_back(request.sequence.id, request.sequence.arrival);
      }
    }
    ASSERT_EQ(short_ones.size(), 30U);
    SimResult result = simulate(workload, {.seconds = linear_seconds, .itl_budget = 0.06}, random);
    for (const auto& [short_one, arrival] : short_ones) {
      // The rest of a step, one that was planned, and its own.
      const double most = std::string_view(policy) == "prefill_first" ? 3.0 : 0.25;
      EXPECT_LT(result.outcomes[short_one].token_times.at(0) - arrival, most) << policy;
    }
  }
}

}  // namespace
}  // namespace chitu::sim
