#include "app/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "app/json_output.h"
#include "app/machine.h"
#include "base/counted.h"
#include "loadgen/statistics.h"

namespace chitu::app {

double BenchTiming::median() const {
  std::vector<double> sorted = speeds;
  std::sort(sorted.begin(), sorted.end());
  return loadgen::percentile(sorted, 50);
}

double BenchTiming::least() const { return *std::min_element(speeds.begin(), speeds.end()); }
double BenchTiming::most() const { return *std::max_element(speeds.begin(), speeds.end()); }

void print_bench_head(const Session& session, const BenchPlan& plan) {
  const Backend& backend = session.backend;
  fmt::print("{}, {}, {}{}, kernels {}, KV cache {}; {} after {} to warm up\n\n",
             session.model_name, backend.ops->name(), counted(backend.pool->size(), "thread"),
             backend.pool->pins_workers() ? " (pinned)" : "", backend.kernels,
             name(backend.kv_dtype), counted(plan.repetitions, "run"), plan.warmup);
  fmt::print("| test         | batch | tok/s      | least to most        |\n");
  fmt::print("|--------------|------:|-----------:|---------------------:|\n");
}

void print_bench_row(const BenchTiming& timing) {
  fmt::print("| {:<12} | {:>5} | {:>10.2f} | {:>8.2f} to {:>8.2f} |\n", timing.what.name(),
             timing.what.batch, timing.median(), timing.least(), timing.most());
  std::fflush(stdout);
}

std::string bench_json(const Session& session, const Settings& settings, const BenchPlan& plan,
                       const std::vector<BenchTiming>& timings, std::string_view error) {
  json::Array rows;
  for (const BenchTiming& timing : timings) {
    rows.push_back(json::Object{
        {"test", timing.what.name()},
        {"prompt_tokens", timing.what.prompt},
        {"decode_tokens", timing.what.decode},
        {"batch", timing.what.batch},
        {"median_tokens_per_second", timing.median()},
        {"tokens_per_second", json::Array(timing.speeds.begin(), timing.speeds.end())}});
  }
  const Backend& backend = session.backend;
  json::Object report{{"version", CHITU_VERSION},
                      {"model", session.model_name},
                      {"backend", backend.ops->name()},
                      {"cpu", inspect_machine().cpu},
                      {"kernels", backend.kernels},
                      {"dtype", settings.text("dtype")},
                      {"threads", backend.pool->size()},
                      {"pinned", backend.pool->pins_workers()},
                      {"numa", settings.boolean("infer.numa")},
                      {"cache_type", settings.text("infer.cache_type")},
                      {"cache_dtype", name(backend.kv_dtype)},
                      {"warmup", plan.warmup},
                      {"repetitions", plan.repetitions},
                      {"load_seconds", session.load_seconds},
                      {"results", std::move(rows)}};
  if (!error.empty()) report["error"] = error;
  return plain_json(report);
}

}  // namespace chitu::app
