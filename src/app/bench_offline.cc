// `chitu bench latency` and `chitu bench throughput`: the engine alone, without a server.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <unordered_set>

#include "app/bench_plan.h"
#include "app/commands.h"
#include "app/json_output.h"
#include "app/random_tokens.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/counted.h"
#include "loadgen/statistics.h"
#include "loadgen/workload.h"

namespace chitu::app {
namespace {

constexpr int64_t kMaxTokens = 1 << 20;
constexpr int64_t kMaxRequests = 65536;
constexpr int64_t kMaxPromptTokens = int64_t{1} << 28;  // in all, made before the clock runs: 1 GiB

struct Lengths {
  int64_t input = 0;
  int64_t output = 0;
};

struct BatchTimes {
  double first = 0;  // seconds until every request has its first token
  double all = 0;    // until the last one has ended
};

// Submits the requests and runs the engine until they have ended.
Result<BatchTimes> run_requests(Engine& engine, const std::vector<Lengths>& requests,
                                std::mt19937& random,
                                const std::function<void(int64_t ended)>& on_step) {
  std::vector<std::vector<int32_t>> prompts;
  for (const Lengths& lengths : requests) {
    prompts.push_back(random_tokens(lengths.input, engine.config().vocab_size, random));
  }
  const Stopwatch stopwatch;
  BatchTimes times;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    TRY_STATUS(engine.submit({.prompt = std::move(prompts[i]),
                              .max_new_tokens = requests[i].output,
                              .ignore_eos = true}));
  }
  std::unordered_set<RequestId> begun;
  int64_t ended = 0;
  while (engine.has_work()) {
    const std::span<TokenEvent> events = engine.step();
    TRY_STATUS(first_error(events));
    for (const TokenEvent& event : events) {
      begun.insert(event.id);
      if (event.finish != FinishReason::kNone) ++ended;
    }
    if (times.first == 0 && begun.size() == requests.size()) times.first = stopwatch.seconds();
    on_step(ended);
  }
  times.all = stopwatch.seconds();
  return times;
}

// Before anything is loaded: requests that would not be computed as the report says.
Status check_fits(const Settings& settings, std::string_view option, int64_t reqs, int64_t tokens) {
  TRY_STATUS(check_batch(option, reqs, settings));
  const int64_t room = settings.integer("infer.max_seq_len");
  if (settings.is_auto("infer.max_seq_len") || tokens <= room) return {};
  return make_error(ErrorCode::kInvalidArgument,
                    "--input-len and --output-len take {} a request: infer.max_seq_len={}",
                    counted(tokens, "token"), room);
}

// A session with room for `reqs` requests of `tokens` each, unless the settings say otherwise.
Result<Session> open_for(const Invocation& invocation, int64_t reqs, int64_t tokens) {
  Settings settings = invocation.settings;
  if (settings.is_auto("infer.max_seq_len")) {
    TRY_STATUS(settings.set("infer.max_seq_len", std::to_string(tokens)));
  }
  return open_session(invocation.environment, settings, {.max_reqs = reqs});
}

json::Object head_json(const Session& session) {
  return {{"version", CHITU_VERSION},
          {"model", session.model_name},
          {"threads", session.backend.pool->size()},
          {"kernels", session.backend.kernels}};
}

std::string row(std::string_view name, const loadgen::Summary& s) {
  constexpr double kMs = 1000;
  return fmt::format("| {:<20} | {:>9.2f} | {:>9.2f} | {:>9.2f} | {:>9.2f} |\n", name, s.mean * kMs,
                     s.p50 * kMs, s.p90 * kMs, s.p99 * kMs);
}

constexpr Option kLatencyOptions[] = {
    {.name = "--input-len", .value = "N", .help = "tokens of a prompt (default: 32)"},
    {.name = "--output-len", .value = "N", .help = "tokens of an answer (default: 128)"},
    {.name = "--batch-size", .letter = 'b', .value = "N", .help = "requests (default: 8)"},
    {.name = "--iterations", .value = "N", .help = "timed batches (default: 10)"},
    {.name = "--warmup", .value = "N", .help = "batches before them (default: 1)"},
    kJsonOption,
    kJsonFileOption,
};

struct LatencyPlan {
  Lengths lengths;
  int64_t batch = 0, iterations = 0, warmup = 0;
};

Result<LatencyPlan> read_latency_plan(const Args& args, const Settings& settings) {
  TRY(input, args.integer_or("--input-len", 32, 1, kMaxTokens));
  TRY(output, args.integer_or("--output-len", 128, 1, kMaxTokens));
  TRY(batch, args.integer_or("--batch-size", 8, 1, kMaxRequests));
  TRY(iterations, args.integer_or("--iterations", 10, 1, 100'000));
  TRY(warmup, args.integer_or("--warmup", 1, 0, 100'000));
  TRY_STATUS(check_fits(settings, "--batch-size", batch, input + output));
  return LatencyPlan{{input, output}, batch, iterations, warmup};
}

Result<int> run_latency(const Invocation& invocation) {
  const Result<LatencyPlan> plan = read_latency_plan(invocation.args, invocation.settings);
  if (!plan.ok()) return usage_error("bench latency", plan.error().message);
  TRY(output, JsonOutput::open(invocation.args));
  TRY(session, open_for(invocation, plan->batch, plan->lengths.input + plan->lengths.output));
  const std::vector<Lengths> batch(static_cast<std::size_t>(plan->batch), plan->lengths);
  std::mt19937 random(1);
  std::vector<double> first, all;
  ProgressBar bar(invocation.environment, "timing", ProgressBar::Unit::kItems);
  const int64_t runs = plan->warmup + plan->iterations;
  for (int64_t i = 0; i < runs; ++i) {
    TRY(times, run_requests(*session.engine, batch, random, [&](int64_t) { bar.update(i, runs); }));
    if (i < plan->warmup) continue;
    first.push_back(times.first);
    all.push_back(times.all);
  }
  bar.clear();
  const loadgen::Summary ttft = loadgen::summarize(first);
  const loadgen::Summary whole = loadgen::summarize(all);
  if (!output.replaces_tables()) {
    fmt::print("{}: {} at once, each of {} in and {} out, {} times\n\n", session.model_name,
               counted(plan->batch, "request"), counted(plan->lengths.input, "token"),
               counted(plan->lengths.output, "token"), plan->iterations);
    fmt::print("| milliseconds         |      mean |       p50 |       p90 |       p99 |\n");
    fmt::print("|----------------------|----------:|----------:|----------:|----------:|\n");
    fmt::print("{}{}", row("all first tokens", ttft), row("all answers", whole));
  }
  json::Object report = head_json(session);
  report.insert({{"input_len", plan->lengths.input},
                 {"output_len", plan->lengths.output},
                 {"batch_size", plan->batch},
                 {"iterations", plan->iterations},
                 {"mean_latency_ms", whole.mean * 1000},
                 {"p50_latency_ms", whole.p50 * 1000},
                 {"p90_latency_ms", whole.p90 * 1000},
                 {"p99_latency_ms", whole.p99 * 1000},
                 {"p50_first_token_ms", ttft.p50 * 1000}});
  TRY_STATUS(output.write(report));
  return kExitOk;
}

constexpr Option kThroughputOptions[] = {
    {.name = "--num-prompts", .value = "N", .help = "requests (default: 100)"},
    {.name = "--concurrency",
     .value = "N",
     .help = "at once, at most (default: infer.max_reqs, or 16 where that is auto)"},
    {.name = "--input-len", .value = "N", .help = "tokens of a prompt (default: 256)"},
    {.name = "--output-len", .value = "N", .help = "tokens of an answer (default: 128)"},
    {.name = "--range-ratio",
     .value = "R",
     .help = "random lengths in [len*(1-R), len*(1+R)] (default: 0)"},
    {.name = "--seed", .value = "N", .help = "of lengths and tokens (default: 0)"},
    kJsonOption,
    kJsonFileOption,
};

struct ThroughputPlan {
  std::vector<Lengths> requests;
  int64_t concurrency = 0;
  uint32_t seed = 0;

  int64_t longest() const {
    int64_t most = 0;
    for (const Lengths& r : requests) most = std::max(most, r.input + r.output);
    return most;
  }
};

Result<ThroughputPlan> read_throughput_plan(const Args& args, const Settings& settings) {
  TRY(prompts, args.integer_or("--num-prompts", 100, 1, kMaxRequests));
  const int64_t at_once =
      settings.is_auto("infer.max_reqs") ? 16 : settings.integer("infer.max_reqs");
  TRY(concurrency, args.integer_or("--concurrency", at_once, 1, kMaxRequests));
  TRY(input, args.integer_or("--input-len", 256, 1, kMaxTokens));
  TRY(output, args.integer_or("--output-len", 128, 1, kMaxTokens));
  TRY(ratio, args.number_or("--range-ratio", 0, 0, 1));
  TRY(seed, args.integer_or("--seed", 0, 0, 0xffffffff));
  if (prompts > kMaxPromptTokens / input) {
    return make_error(ErrorCode::kInvalidArgument,
                      "--num-prompts {} of {} each are more than {} tokens in all", prompts,
                      counted(input, "token"), kMaxPromptTokens);
  }
  ThroughputPlan plan{.concurrency = concurrency, .seed = static_cast<uint32_t>(seed)};
  std::mt19937_64 random(plan.seed);
  for (int64_t i = 0; i < prompts; ++i) {
    const int64_t in = loadgen::length_near(input, ratio, random);
    plan.requests.push_back({in, loadgen::length_near(output, ratio, random)});
  }
  TRY_STATUS(check_fits(settings, "--concurrency", concurrency, plan.longest()));
  return plan;
}

Result<int> run_throughput(const Invocation& invocation) {
  const Result<ThroughputPlan> plan = read_throughput_plan(invocation.args, invocation.settings);
  if (!plan.ok()) return usage_error("bench throughput", plan.error().message);
  TRY(output, JsonOutput::open(invocation.args));
  // No more at once than are asked for, where the settings have room for more.
  Settings settings = invocation.settings;
  TRY_STATUS(settings.set("infer.max_reqs", std::to_string(plan->concurrency)));
  TRY(session, open_for({invocation.environment, invocation.args, settings}, plan->concurrency,
                        plan->longest()));
  const auto n = static_cast<int64_t>(plan->requests.size());
  ProgressBar bar(invocation.environment, "answering", ProgressBar::Unit::kItems);
  std::mt19937 random(plan->seed + 1);
  TRY(times, run_requests(*session.engine, plan->requests, random,
                          [&](int64_t ended) { bar.update(ended, n); }));
  bar.clear();
  Lengths sum;
  for (const Lengths& r : plan->requests) {
    sum.input += r.input;
    sum.output += r.output;
  }
  const auto speed = [&](int64_t count) { return static_cast<double>(count) / times.all; };
  if (!output.replaces_tables()) {
    fmt::print("{}: {} in {:.2f} s, {} at once at most\n\n", session.model_name,
               counted(n, "request"), times.all, session.engine->memory().max_reqs);
    fmt::print("| a second |   requests | tokens in | tokens out |  together |\n");
    fmt::print("|----------|-----------:|----------:|-----------:|----------:|\n");
    fmt::print("|          | {:>10.2f} | {:>9.1f} | {:>10.1f} | {:>9.1f} |\n", speed(n),
               speed(sum.input), speed(sum.output), speed(sum.input + sum.output));
  }
  json::Object report = head_json(session);
  report.insert({{"num_prompts", n},
                 {"concurrency", session.engine->memory().max_reqs},
                 {"duration", times.all},
                 {"total_input_tokens", sum.input},
                 {"total_output_tokens", sum.output},
                 {"request_throughput", speed(n)},
                 {"output_throughput", speed(sum.output)},
                 {"total_token_throughput", speed(sum.input + sum.output)}});
  TRY_STATUS(output.write(report));
  return kExitOk;
}

}  // namespace

const Command kBenchLatencyCommand{
    .name = "bench latency",
    .summary = "Measure how long one batch takes, without a server",
    .synopsis = "[options] [key=value ...]",
    .takes_settings = true,
    .options = kLatencyOptions,
    .examples =
        "chitu bench latency -b 1 --input-len 512 --output-len 64 models=/path/to/model.gguf",
    .run = run_latency,
};

const Command kBenchThroughputCommand{
    .name = "bench throughput",
    .summary = "Measure many requests together, without a server",
    .synopsis = "[options] [key=value ...]",
    .takes_settings = true,
    .options = kThroughputOptions,
    .examples = "chitu bench throughput --num-prompts 64 --concurrency 16 --range-ratio 0.5",
    .run = run_throughput,
};

}  // namespace chitu::app
