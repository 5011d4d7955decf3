// A request's tokens and their probabilities are those it gets alone, whatever runs beside it:
// random company, preemption, the prefix cache, and the size of chunks change none.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "backend/cpu/cpu_ops.h"
#include "base/thread_pool.h"
#include "tests/engine/tiny_model.h"

namespace chitu {
namespace {

using test::prompt;
using test::request;

// Every kind of sampling, with prompts of which some begin alike.
std::vector<Request> random_requests(std::mt19937& random, int count) {
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    std::vector<int32_t> tokens = prompt(random() % 50, 7);
    const std::vector<int32_t> own =
        prompt(1 + static_cast<int64_t>(random() % 20), static_cast<int32_t>(random() % 100));
    tokens.insert(tokens.end(), own.begin(), own.end());
    Request r = request(std::move(tokens), 1 + static_cast<int64_t>(random() % 25));
    r.sampling = {.temperature = i % 4 == 0 ? 0.0F : 1.0F, .seed = random() % 3};
    if (i % 3 == 1) r.sampling.top_p = 0.9F;
    if (i % 3 == 2) {
      r.sampling.repetition_penalty = 1.3F;
      r.sampling.frequency_penalty = -0.5F;
      r.sampling.presence_penalty = 0.7F;
      r.sampling.logit_bias = {{5, 4.0F}, {9, -100.0F}};
    }
    if (i % 5 == 0) {
      r.stop_tokens = {11, 12, 13, 14, 15};
      r.min_tokens = 3;
    }
    if (i % 7 == 0) r.sampling.top_logprobs = 5;
    r.embed = i % 11 == 10;
    r.priority = static_cast<int32_t>(random() % 3);
    requests.push_back(std::move(r));
  }
  return requests;
}

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<TokenLogprob> logprobs;
  std::vector<float> embedding;
  std::string error;

  void take(const TokenEvent& event) {
    if (event.token >= 0) tokens.push_back(event.token);
    logprobs.insert(logprobs.end(), event.logprobs.begin(), event.logprobs.end());
    if (!event.embedding.empty()) embedding = event.embedding;
    error += event.error;
  }
  bool operator==(const Answer&) const = default;
};

Answer answer_alone(Engine& engine, const Request& r) {
  Answer answer;
  EXPECT_TRUE(engine.submit(r).ok());
  while (engine.has_work()) {
    for (const TokenEvent& event : engine.step()) answer.take(event);
  }
  EXPECT_EQ(answer.tokens.empty(), r.embed);
  EXPECT_EQ(answer.error, "");
  return answer;
}

// With submissions spread over the steps, and some others cancelled in between.
std::vector<Answer> answers_together(Engine& engine, const std::vector<Request>& requests,
                                     std::mt19937& random) {
  std::map<RequestId, std::size_t> places;
  std::vector<RequestId> doomed;
  std::vector<Answer> answers(requests.size());
  std::size_t submitted = 0;
  while (submitted < requests.size() || engine.has_work()) {
    if (submitted < requests.size() && random() % 2 == 0) {
      places[*engine.submit(requests[submitted])] = submitted;
      ++submitted;
    }
    if (random() % 8 == 0) {
      doomed.push_back(*engine.submit(requests[random() % requests.size()]));
    }
    if (!doomed.empty() && random() % 6 == 0) {
      engine.cancel(doomed.back());
      doomed.pop_back();
    }
    for (const TokenEvent& event : engine.step()) {
      const auto place = places.find(event.id);
      if (place != places.end()) answers[place->second].take(event);
    }
  }
  return answers;
}

struct Machine {
  std::string name;
  EngineOptions options;
};

std::vector<Machine> machines() {
  const SchedulingOptions no_cache{.prefix_cache = false};
  return {
      {"paged", {.max_seq_len = 96, .max_reqs = 8, .max_step_tokens = 64, .block_size = 4}},
      {"skew", {.max_seq_len = 96, .max_reqs = 8, .max_step_tokens = 64, .block_size = 0}},
      {"without a prefix cache",
       {.max_seq_len = 96,
        .max_reqs = 8,
        .max_step_tokens = 64,
        .block_size = 4,
        .scheduling = no_cache}},
      {"chunks of 8", {.max_seq_len = 96, .max_reqs = 8, .max_step_tokens = 8, .block_size = 4}},
      {"a tiny cache",
       {.max_seq_len = 96,
        .max_reqs = 8,
        .max_step_tokens = 64,
        .block_size = 4,
        .num_blocks = 26}},
      {"a tiny cache without prefixes",
       {.max_seq_len = 96,
        .max_reqs = 8,
        .max_step_tokens = 16,
        .block_size = 4,
        .num_blocks = 26,
        .scheduling = no_cache}},
  };
}

class DeterminismTest : public test::TinyModelTest {
 protected:
  void compare(Ops& ops, int count, DType kv_dtype) {
    std::mt19937 random(5);
    const std::vector<Request> requests = random_requests(random, count);
    std::vector<Answer> alone;
    for (const Request& r : requests) {
      const auto engine = load({.max_seq_len = 96,
                                .max_step_tokens = 96,
                                .block_size = 0,
                                .kv_dtype = kv_dtype,
                                .scheduling = {.prefix_cache = false}},
                               ops);
      alone.push_back(answer_alone(*engine, r));
    }
    for (const Machine& machine : machines()) {
      for (const Policy& policy : policies()) {
        EngineOptions options = machine.options;
        options.kv_dtype = kv_dtype;
        options.scheduling.policy = policy;
        options.scheduling.hybrid = random() % 4 != 0;
        const auto engine = load(options, ops);
        ASSERT_EQ(answers_together(*engine, requests, random), alone)
            << machine.name << ", " << policy.name;
        const SchedulerStats stats = engine->scheduler_stats();
        EXPECT_EQ(stats.blocks_used, 0);
        if (options.num_blocks > 0) {
          EXPECT_GT(stats.preemptions, 0) << machine.name;
        }
        if (machine.name == "paged") {
          EXPECT_GT(stats.prefix_hits, 0);
        }
      }
    }
  }
};

TEST_F(DeterminismTest, OnTheReference) { compare(*ops_, 12, DType::kF32); }

TEST_F(DeterminismTest, OnTheCpu) {
  ThreadPool pool({.num_threads = 2, .pin = Pin::kOff});
  for (const cpu::Arithmetic arithmetic : {cpu::Arithmetic::kFloat32, cpu::Arithmetic::kFast}) {
    const auto ops = make_cpu_ops(pool, {.arithmetic = arithmetic});
    ASSERT_TRUE(ops.ok());
    for (const DType kv_dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      compare(**ops, 48, kv_dtype);
    }
  }
}

}  // namespace
}  // namespace chitu
