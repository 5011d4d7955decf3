// `chitu bench startup`: from the start of a process to the first token of its answer.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "app/commands.h"
#include "app/json_output.h"
#include "app/session.h"
#include "app/subprocess.h"
#include "app/terminal.h"
#include "base/counted.h"
#include "loadgen/statistics.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--iterations", .value = "N", .help = "timed starts (default: 5)"},
    {.name = "--warmup", .value = "N", .help = "starts before them (default: 1)"},
    {.name = "--timeout", .value = "SECONDS", .help = "for one start (default: 600)"},
    kJsonOption,
    kJsonFileOption,
};

struct StartupPlan {
  int64_t iterations = 0;
  int64_t warmup = 0;
  double timeout = 0;
};

Result<StartupPlan> read_plan(const Args& args) {
  TRY(iterations, args.integer_or("--iterations", 5, 1, 10'000));
  TRY(warmup, args.integer_or("--warmup", 1, 0, 10'000));
  TRY(timeout, args.number_or("--timeout", 600, 0.001, 86400));
  return StartupPlan{iterations, warmup, timeout};
}

Result<int> run(const Invocation& invocation) {
  const Result<StartupPlan> plan = read_plan(invocation.args);
  if (!plan.ok()) return usage_error("bench startup", plan.error().message);
  TRY(output, JsonOutput::open(invocation.args));
  // Fetched here, if need be, rather than in the first start.
  TRY_STATUS(open_checkpoint(invocation.environment, invocation.settings));
  std::vector<std::string> command = {"/proc/self/exe", "run", "--raw", "--quiet"};
  for (const std::string& setting : invocation.args.settings()) command.push_back(setting);
  // The model may not end its answer before there is one.
  command.insert(command.end(), {"request.max_new_tokens=16", "infer.stop_with_eos=False", "--",
                                 "Once upon a time"});
  std::vector<double> seconds;
  ProgressBar bar(invocation.environment, "starting", ProgressBar::Unit::kItems);
  const int64_t runs = plan->warmup + plan->iterations;
  for (int64_t i = 0; i < runs; ++i) {
    bar.update(i, runs);
    TRY(time, time_to_first_output(command, plan->timeout));
    if (i >= plan->warmup) seconds.push_back(time);
  }
  bar.clear();
  const loadgen::Summary s = loadgen::summarize(seconds);
  const double least = *std::min_element(seconds.begin(), seconds.end());
  if (!output.replaces_tables()) {
    fmt::print(
        "{}: from process start to the first text: {:.3f} s (median of {}; {:.3f} to {:.3f})\n",
        model_name(invocation.settings), s.p50, counted(plan->iterations, "start"), least, s.most);
  }
  TRY_STATUS(output.write({{"version", CHITU_VERSION},
                           {"model", model_name(invocation.settings)},
                           {"iterations", plan->iterations},
                           {"p50_startup_s", s.p50},
                           {"min_startup_s", least},
                           {"max_startup_s", s.most}}));
  return kExitOk;
}

}  // namespace

const Command kBenchStartupCommand{
    .name = "bench startup",
    .summary = "Measure the time from start to the first token",
    .synopsis = "[options] [key=value ...]",
    .takes_settings = true,
    .options = kOptions,
    .examples = "chitu bench startup models=/path/to/model.gguf",
    .run = run,
};

}  // namespace chitu::app
