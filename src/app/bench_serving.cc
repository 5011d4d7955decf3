// `chitu bench serving`: the speed of any server with OpenAI's API, as its clients see it.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/json_output.h"
#include "app/open_files.h"
#include "app/serving_plan.h"
#include "base/counted.h"
#include "loadgen/report.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--base-url", .value = "URL", .help = "the server (default: http://127.0.0.1:21002)"},
    {.name = "--model", .value = "NAME", .help = "default: the first of the server's /v1/models"},
    {.name = "--endpoint", .value = "NAME", .help = "chat or completions (default: chat)"},
    {.name = "--api-key", .value = "KEY", .help = "sent as a bearer token"},
    {.name = "--num-prompts", .value = "N", .help = "requests of a run (default: 100)"},
    {.name = "--iterations", .value = "N", .help = "the same, as Chitu calls it"},
    {.name = "--warmup", .value = "N", .help = "requests before, not timed (default: 1)"},
    {.name = "--concurrency",
     .value = "N,...",
     .help = "requests at once, a run for each number; 0: no limit (default: 0)"},
    {.name = "--request-rate",
     .value = "R",
     .help = "requests a second, at random times; inf: all at once (default: inf)"},
    {.name = "--burstiness",
     .value = "B",
     .help = "1: a Poisson process; less: bursts; more: evener (default: 1)"},
    {.name = "--dataset", .value = "NAME", .help = "random or sharegpt (default: random)"},
    {.name = "--dataset-path", .value = "FILE", .help = "JSON of ShareGPT's conversations"},
    {.name = "--input-len", .value = "N", .help = "words of a random prompt (default: 256)"},
    {.name = "--seq-len", .value = "N", .help = "the same, as Chitu calls it"},
    {.name = "--output-len", .value = "N", .help = "tokens of an answer, at most (default: 128)"},
    {.name = "--range-ratio",
     .value = "R",
     .help = "random lengths in [len*(1-R), len*(1+R)] (default: 0)"},
    {.name = "--prefix-len", .value = "N", .help = "words that all prompts share (default: 0)"},
    {.name = "--ignore-eos", .help = "answers go on to their full length"},
    {.name = "--temperature", .value = "T", .help = "default: 0"},
    {.name = "--goodput",
     .value = "LEVEL",
     .help = "as in ttft:500 tpot:50 e2e:9000, milliseconds: counts requests that keep it"},
    {.name = "--timeout", .value = "SECONDS", .help = "for a whole request (default: 600)"},
    {.name = "--seed", .value = "N", .help = "of prompts and times (default: 0)"},
    kJsonOption,
    kJsonFileOption,
};

Result<std::string> first_model(const ServingPlan& plan) {
  constexpr std::string_view kHint = "; name the model with --model NAME";
  TRY(body, loadgen::fetch(plan.client, "/v1/models"));
  const auto nothing = [&] {
    return make_error(ErrorCode::kCorrupt, "{}: /v1/models lists no model{}", plan.base_url, kHint);
  };
  const Result<json::Value> value = json::parse(body);
  if (!value.ok() || !value->is_object()) return nothing();
  const Result<const json::Array*> data = json::Fields(value->get_object()).array("data");
  if (!data.ok() || (*data)->empty() || !(*data)->front().is_object()) return nothing();
  Result<std::string> id = json::Fields((*data)->front().get_object()).string("id");
  if (!id.ok()) return nothing();
  return id;
}

// Draws the progress over itself on a terminal; false after Ctrl-C.
class Watcher {
 public:
  explicit Watcher(const Environment& environment) : draws_(environment.can_redraw) {}
  ~Watcher() { clear(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  bool operator()(const loadgen::Progress& progress) {
    if (draws_) {
      fmt::print(stderr, "\r{}\033[K", loadgen::describe_progress(progress));
      std::fflush(stderr);
    }
    return !interrupt_.interrupted();
  }
  void clear() const {
    if (draws_) fmt::print(stderr, "\r\033[K");
  }
  bool interrupted() const { return interrupt_.interrupted(); }

 private:
  InterruptScope interrupt_{InterruptScope::Mode::kOnce};
  bool draws_;
};

Result<loadgen::Statistics> run_jobs(const ServingPlan& plan, const std::vector<loadgen::Job>& jobs,
                                     int64_t concurrency, Watcher& watcher) {
  const loadgen::LoadOptions load{
      .target = std::string(loadgen::target_of(plan.body.api)),
      .concurrency = concurrency,
      .on_progress = [&](const loadgen::Progress& progress) { return watcher(progress); }};
  Result<std::vector<loadgen::RequestRecord>> records = loadgen::run_load(plan.client, load, jobs);
  watcher.clear();
  if (!records.ok()) return std::move(records).error();
  return loadgen::compute_statistics(*records, plan.level);
}

// A server that answers nothing is found before the long part.
Status warm_up(const ServingPlan& plan, Watcher& watcher) {
  if (plan.warmup == 0) return {};
  TRY(s, run_jobs(plan, plan.jobs(0), 1, watcher));
  if (s.completed > 0 || s.failures.empty()) return {};
  const auto& [kind, same] = *s.failures.begin();
  return make_error(ErrorCode::kIo, "{}: no request of the warm-up was answered: {}: {}",
                    plan.base_url, kind, same.example);
}

// `status` is what ended the program before the last run.
json::Object report_json(const ServingPlan& plan, const std::vector<loadgen::Level>& levels,
                         const Status& status) {
  json::Object report{{"version", CHITU_VERSION},
                      {"base_url", plan.base_url},
                      {"model", plan.body.model},
                      {"endpoint", loadgen::target_of(plan.body.api)},
                      {"dataset", plan.pool.empty() ? "random" : "sharegpt"},
                      {"num_prompts", plan.num_prompts},
                      {"burstiness", plan.burstiness},
                      {"ignore_eos", plan.body.ignore_eos},
                      {"seed", plan.seed}};
  report["request_rate"] = std::isinf(plan.request_rate) ? json::Value("inf") : plan.request_rate;
  if (plan.pool.empty()) {
    report["input_len"] = plan.random.input_len;
    report["output_len"] = plan.random.output_len;
    report["range_ratio"] = plan.random.range_ratio;
    report["prefix_len"] = plan.random.prefix_len;
  } else {
    report["repeated_prompts"] = plan.repeated_prompts();
  }
  json::Array results;
  for (const loadgen::Level& level : levels) results.push_back(loadgen::to_json(level));
  report["results"] = std::move(results);
  if (!status.ok()) report["error"] = status.error().message;
  return report;
}

void print_head(const ServingPlan& plan) {
  const loadgen::Server& server = plan.client.server;
  fmt::print("{} at http://{}{}{}: {} a run, {}\n", plan.body.model, server.authority(),
             server.prefix, loadgen::target_of(plan.body.api), counted(plan.num_prompts, "request"),
             std::isinf(plan.request_rate)
                 ? "sent as soon as the concurrency allows"
                 : fmt::format("{} a second, burstiness {}", plan.request_rate, plan.burstiness));
  if (const int64_t n = plan.repeated_prompts(); n > 0) {
    fmt::print("{} of all runs come again, for there are {}: a server may have them in its cache\n",
               counted(n, "prompt"), counted(plan.pool.size(), "conversation"));
  }
  std::fflush(stdout);
}

// A run for each concurrency, until Ctrl-C; appends to `levels` as it goes.
Status run_levels(const ServingPlan& plan, bool as_table, Watcher& watcher,
                  std::vector<loadgen::Level>& levels) {
  for (const int64_t concurrency : plan.concurrencies) {
    if (watcher.interrupted()) break;
    const auto jobs = plan.jobs(static_cast<int64_t>(levels.size()) + 1);
    TRY(statistics, run_jobs(plan, jobs, concurrency, watcher));
    levels.push_back({.concurrency = concurrency, .statistics = std::move(statistics)});
    if (!as_table) continue;
    fmt::print("{}", loadgen::describe(levels.back()));
    std::fflush(stdout);
  }
  if (as_table && levels.size() > 1) fmt::print("{}", loadgen::describe_sweep(levels));
  if (as_table && levels.size() == 1) fmt::print("{}", loadgen::gap_chart(levels[0].statistics));
  return {};
}

Result<int> run(const Invocation& invocation) {
  Result<ServingPlan> plan = read_serving_plan(invocation.args);
  if (!plan.ok()) return usage_error("bench serving", plan.error().message);
  TRY(output, JsonOutput::open(invocation.args));
  allow_many_files();  // each request at once takes a socket
  if (plan->body.model.empty()) {
    TRY(model, first_model(*plan));
    plan->body.model = std::move(model);
  }
  const bool as_table = !output.replaces_tables();
  if (as_table) print_head(*plan);
  Watcher watcher(invocation.environment);
  TRY_STATUS(warm_up(*plan, watcher));
  std::vector<loadgen::Level> levels;
  const Status status = run_levels(*plan, as_table, watcher, levels);
  TRY_STATUS(output.write(report_json(*plan, levels, status)));
  TRY_STATUS(status);
  if (watcher.interrupted()) return kExitInterrupted;
  const bool all_well = std::all_of(levels.begin(), levels.end(), [](const loadgen::Level& level) {
    return level.statistics.failed == 0;
  });
  return all_well ? kExitOk : kExitError;
}

}  // namespace

const Command kBenchServingCommand{
    .name = "bench serving",
    .summary = "Measure a server with OpenAI's API under load",
    .synopsis = "[options]",
    .takes_words = true,  // the further parts of a --goodput
    .options = kOptions,
    .examples =
        "chitu bench serving --base-url http://127.0.0.1:21002\n"
        "chitu bench serving --concurrency 1,4,16 --num-prompts 64 --ignore-eos\n"
        "chitu bench serving --request-rate 5 --goodput ttft:500 tpot:50 --output result.json",
    .run = run,
};

}  // namespace chitu::app
