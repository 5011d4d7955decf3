#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>
#include <string>

namespace chitu {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

// Upper bounds in seconds, close enough together that a quantile read off them is within a factor
// of two.
const Buckets& token_buckets() {
  static const Buckets kBuckets = {0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04,
                                   0.05,  0.075,  0.1,   0.15,   0.2,  0.3,   0.4,  0.5,  0.75,
                                   1.0,   2.5,    5.0,   10.0,   20.0, 40.0,  80.0};
  return kBuckets;
}

const Buckets& request_buckets() {
  static const Buckets kBuckets = {0.01, 0.025, 0.05, 0.1,  0.25, 0.5,   0.75,   1.0,   1.5,
                                   2.0,  2.5,   5.0,  10.0, 15.0, 20.0,  30.0,   40.0,  50.0,
                                   60.0, 120.0, 240., 480., 960., 1920., 3840.0, 7680.0};
  return kBuckets;
}

const Buckets& count_buckets() {
  static const Buckets kBuckets = {1,    2,    5,    10,    20,    50,    100,    200,    500,
                                   1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000};
  return kBuckets;
}

// "stop", "length", "abort" (the client left or a stop string came before the engine knew), "error"
std::string_view reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kError:
      return "error";
    case FinishReason::kNone:
    case FinishReason::kCancelled:
      break;
  }
  return "abort";
}

// Brings a counter to a total that is counted elsewhere.
void set_total(Counter& counter, int64_t total) {
  const double missing = static_cast<double>(total) - counter.Value();
  if (missing > 0) counter.Increment(missing);
}

}  // namespace

struct Metrics::Series {
  explicit Series(const std::string& model_name) : labels{{"model_name", model_name}} {}

  Counter& counter(const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
  }
  Gauge& gauge(const std::string& name, const std::string& help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
  }
  Histogram& histogram(const std::string& name, const std::string& help, const Buckets& buckets) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels,
                                                                                     buckets);
  }
  Counter& success(FinishReason reason) {
    prometheus::Labels with_reason = labels;
    with_reason.emplace("finished_reason", reason_name(reason));
    return successes.Add(with_reason);
  }

  const prometheus::Labels labels;
  prometheus::Registry registry;

  Gauge& running = gauge("vllm:num_requests_running", "Requests that are being computed");
  Gauge& waiting = gauge("vllm:num_requests_waiting", "Requests that wait to be computed");
  Gauge& kv_usage =
      gauge("vllm:kv_cache_usage_perc", "Part of the KV cache that requests hold; 1 is all of it");
  Gauge& kv_cached = gauge("chitu:kv_cache_reusable_perc",
                           "Part of the KV cache that holds prefixes no request is using");
  Gauge& ready = gauge("chitu:ready", "1 when requests are taken");
  Gauge& connections = gauge("chitu:http_connections_open", "Connections that are open");

  Counter& prefix_queries =
      counter("vllm:prefix_cache_queries_total", "Tokens of prompts looked up in the prefix cache");
  Counter& prefix_hits =
      counter("vllm:prefix_cache_hits_total", "Tokens of prompts found in the prefix cache");
  Counter& preemptions =
      counter("vllm:num_preemptions_total",
              "Requests put back to wait: the KV cache was full, or one of higher "
              "priority wanted the place");
  Counter& prompt_tokens = counter("vllm:prompt_tokens_total", "Tokens of prompts");
  Counter& generated_tokens = counter("vllm:generation_tokens_total", "Tokens of answers");
  Counter& steps = counter("chitu:engine_steps_total", "Steps of the engine");
  Counter& failed_steps = counter("chitu:engine_failed_steps_total", "Steps that failed");
  Counter& requests = counter("chitu:http_requests_total",
                              "Requests, those that were no HTTP or came too slowly, too");
  Counter& disconnects = counter("chitu:http_disconnects_total",
                                 "Requests whose client left before the answer was complete");
  Counter& evictions =
      counter("chitu:http_evictions_total", "Clients put out because they read too slowly");
  Counter& timeouts =
      counter("chitu:http_timeouts_total", "Clients put out because they sent too slowly");

  Counter& accepted = counter("chitu:http_connections_accepted_total", "Connections accepted");
  Counter& refused =
      counter("chitu:http_connections_refused_total", "Connections beyond serve.max_connections");
  Counter& exceptions =
      counter("chitu:http_failures_total", "Requests that ended by an exception in the server");
  Counter& lost_lines = counter("chitu:access_log_lines_dropped_total",
                                "Lines of the access log that could not be written");
  prometheus::Family<Counter>& responses = prometheus::BuildCounter()
                                               .Name("chitu:http_responses_total")
                                               .Help("Answers begun, by status")
                                               .Register(registry);

  prometheus::Family<Counter>& successes = prometheus::BuildCounter()
                                               .Name("vllm:request_success_total")
                                               .Help("Requests that ended, by why")
                                               .Register(registry);
  Counter& stopped = success(FinishReason::kStop);
  Counter& too_long = success(FinishReason::kLength);
  Counter& aborted = success(FinishReason::kCancelled);
  Counter& failed = success(FinishReason::kError);

  Histogram& to_first_token =
      histogram("vllm:time_to_first_token_seconds", "From a request's arrival to its first token",
                token_buckets());
  Histogram& between_tokens = histogram("vllm:inter_token_latency_seconds",
                                        "Between two tokens of one answer", token_buckets());
  Histogram& per_token =
      histogram("vllm:request_time_per_output_token_seconds",
                "Of each answer, the mean time between its tokens", token_buckets());
  Histogram& end_to_end =
      histogram("vllm:e2e_request_latency_seconds", "From a request's arrival to its last token",
                request_buckets());
  Histogram& queue =
      histogram("vllm:request_queue_time_seconds",
                "From a request's arrival until its first step was planned", request_buckets());
  Histogram& prefill =
      histogram("vllm:request_prefill_time_seconds",
                "From a request's first step to its first token", request_buckets());
  Histogram& decode = histogram("vllm:request_decode_time_seconds",
                                "From an answer's first token to its last", request_buckets());
  Histogram& prompt_length =
      histogram("vllm:request_prompt_tokens", "Tokens of a prompt", count_buckets());
  Histogram& answer_length =
      histogram("vllm:request_generation_tokens", "Tokens of an answer", count_buckets());
};

Metrics::Metrics(const std::string& model_name) : series_(std::make_unique<Series>(model_name)) {}

Metrics::~Metrics() = default;

void Metrics::on_prompt(int64_t tokens) {
  series_->prompt_tokens.Increment(static_cast<double>(tokens));
  series_->prompt_length.Observe(static_cast<double>(tokens));
}

void Metrics::on_token(GenerationTimes& times, double now) {
  series_->generated_tokens.Increment();
  if (times.first_token == 0) {
    times.first_token = now;
    series_->to_first_token.Observe(now - times.arrival);
  } else {
    series_->between_tokens.Observe(now - times.last_token);
  }
  times.last_token = now;
}

void Metrics::on_end(const GenerationTimes& times, int64_t tokens, FinishReason reason,
                     double now) {
  series_->success(reason).Increment();
  series_->end_to_end.Observe(now - times.arrival);
  if (times.started > 0) series_->queue.Observe(times.started - times.arrival);
  if (tokens == 0) return;
  series_->prefill.Observe(times.first_token - times.started);
  series_->answer_length.Observe(static_cast<double>(tokens));
  const double seconds = times.last_token - times.first_token;
  series_->decode.Observe(seconds);
  if (tokens > 1) series_->per_token.Observe(seconds / static_cast<double>(tokens - 1));
}

std::string Metrics::text(const ServiceStats* service, const ServerStats& http) {
  Series& series = *series_;
  series.ready.Set(service != nullptr && service->state == ServiceState::kReady ? 1 : 0);
  if (service != nullptr) {
    const SchedulerStats& scheduler = service->scheduler;
    // Those submitted of which the scheduler has not yet heard wait, too.
    const int64_t waiting = std::max(scheduler.waiting, service->requests - scheduler.running);
    const auto blocks = static_cast<double>(std::max<int64_t>(scheduler.blocks_total, 1));
    series.running.Set(static_cast<double>(scheduler.running));
    series.waiting.Set(static_cast<double>(waiting));
    series.kv_usage.Set(static_cast<double>(scheduler.blocks_used) / blocks);
    series.kv_cached.Set(static_cast<double>(scheduler.blocks_cached) / blocks);
    set_total(series.prefix_queries, scheduler.prefix_queries);
    set_total(series.prefix_hits, scheduler.prefix_hits);
    set_total(series.preemptions, scheduler.preemptions);
    set_total(series.steps, service->engine.steps);
    set_total(series.failed_steps, service->engine.failed_steps);
  }
  series.connections.Set(static_cast<double>(http.connections_open));
  set_total(series.requests, http.requests);
  set_total(series.disconnects, http.disconnected);
  set_total(series.evictions, http.evicted);
  set_total(series.timeouts, http.timed_out);
  set_total(series.accepted, http.connections_accepted);
  set_total(series.refused, http.connections_refused);
  set_total(series.exceptions, http.failed);
  set_total(series.lost_lines, http.log_lines_dropped);
  for (const auto& [status, count] : http.responses) {
    prometheus::Labels labels = series.labels;
    labels.emplace("code", std::to_string(status));
    set_total(series.responses.Add(labels), count);
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, series.registry.Collect());
  return out.str();
}

}  // namespace chitu
