#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using testing::HasSubstr;

TEST(Metrics, CountsTokensAndTheTimeBetweenThem) {
  Metrics metrics("m");
  GenerationTimes times{.arrival = 10, .started = 10.5};
  metrics.on_prompt(7);
  metrics.on_token(times, 12);
  metrics.on_token(times, 12.5);
  metrics.on_token(times, 13.5);
  metrics.on_end(times, 3, FinishReason::kLength, 13.5);
  const std::string text = metrics.text(nullptr, {});
  for (const char* line : {
           "vllm:prompt_tokens_total{model_name=\"m\"} 7\n",
           "vllm:generation_tokens_total{model_name=\"m\"} 3\n",
           "vllm:time_to_first_token_seconds_sum{model_name=\"m\"} 2\n",
           "vllm:inter_token_latency_seconds_count{model_name=\"m\"} 2\n",
           "vllm:inter_token_latency_seconds_sum{model_name=\"m\"} 1.5\n",
           "vllm:request_time_per_output_token_seconds_sum{model_name=\"m\"} 0.75\n",
           "vllm:e2e_request_latency_seconds_sum{model_name=\"m\"} 3.5\n",
           "vllm:request_queue_time_seconds_sum{model_name=\"m\"} 0.5\n",
           "vllm:request_prefill_time_seconds_sum{model_name=\"m\"} 1.5\n",
           "vllm:request_decode_time_seconds_sum{model_name=\"m\"} 1.5\n",
           "vllm:request_success_total{finished_reason=\"length\",model_name=\"m\"} 1\n",
           "vllm:request_success_total{finished_reason=\"abort\",model_name=\"m\"} 0\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, ARequestWithoutATokenHasNoTimesOfTokens) {
  Metrics metrics("m");
  metrics.on_end({.arrival = 10}, 0, FinishReason::kCancelled, 11);
  const std::string text = metrics.text(nullptr, {});
  EXPECT_THAT(text, HasSubstr("vllm:e2e_request_latency_seconds_count{model_name=\"m\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vllm:time_to_first_token_seconds_count{model_name=\"m\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("vllm:request_queue_time_seconds_count{model_name=\"m\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("finished_reason=\"abort\",model_name=\"m\"} 1\n"));
}

TEST(Metrics, TakesTheEnginesTotalsAsTheyAre) {
  Metrics metrics("m");
  ServiceStats stats;
  stats.requests = 5;
  stats.scheduler = {.waiting = 1,
                     .running = 2,
                     .preemptions = 3,
                     .prefix_queries = 100,
                     .prefix_hits = 40,
                     .blocks_used = 4,
                     .blocks_cached = 2,
                     .blocks_total = 16};
  (void)metrics.text(&stats, {});
  stats.scheduler.preemptions = 4;
  (void)metrics.text(&stats, {.responses = {{200, 4}}});
  const std::string text = metrics.text(&stats, {.connections_accepted = 8,
                                                 .connections_refused = 2,
                                                 .requests = 9,
                                                 .failed = 3,
                                                 .log_lines_dropped = 6,
                                                 .responses = {{200, 5}, {503, 1}}});
  for (const char* line :
       {"vllm:num_requests_running{model_name=\"m\"} 2\n",
        "vllm:num_requests_waiting{model_name=\"m\"} 3\n",
        "vllm:num_preemptions_total{model_name=\"m\"} 4\n",
        "vllm:prefix_cache_queries_total{model_name=\"m\"} 100\n",
        "vllm:prefix_cache_hits_total{model_name=\"m\"} 40\n",
        "vllm:kv_cache_usage_perc{model_name=\"m\"} 0.25\n", "chitu:ready{model_name=\"m\"} 1\n",
        "chitu:http_requests_total{model_name=\"m\"} 9\n",
        "chitu:http_connections_accepted_total{model_name=\"m\"} 8\n",
        "chitu:http_connections_refused_total{model_name=\"m\"} 2\n",
        "chitu:http_failures_total{model_name=\"m\"} 3\n",
        "chitu:access_log_lines_dropped_total{model_name=\"m\"} 6\n",
        "chitu:http_responses_total{code=\"200\",model_name=\"m\"} 5\n",
        "chitu:http_responses_total{code=\"503\",model_name=\"m\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  stats.state = ServiceState::kDraining;
  EXPECT_THAT(metrics.text(&stats, {}), HasSubstr("chitu:ready{model_name=\"m\"} 0\n"));
}

TEST(Metrics, AModelsNameIsEscaped) {
  Metrics metrics("a\"b\nc");
  EXPECT_THAT(metrics.text(nullptr, {}), HasSubstr(R"(model_name="a\"b\nc")"));
}

}  // namespace
}  // namespace chitu
