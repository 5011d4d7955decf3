// `chitu bench`: prompt and decode speed of a model, in a table.

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <random>

#include "app/bench_plan.h"
#include "app/bench_report.h"
#include "app/commands.h"
#include "app/decode_window.h"
#include "app/json_output.h"
#include "app/random_tokens.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/counted.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--prompt-tokens",
     .letter = 'p',
     .value = "N,...",
     .help = "prompt lengths to time; 0: none (default: request.prompt_tokens_len)"},
    {.name = "--decode-tokens",
     .letter = 'n',
     .value = "N,...",
     .help = "numbers of tokens to decode; 0: none (default: 64)"},
    {.name = "--batch", .letter = 'b', .value = "N,...", .help = "requests at once (default: 1)"},
    {.name = "--depth",
     .letter = 'd',
     .value = "N,...",
     .help = "tokens in the cache before decoding begins (default: 1)"},
    {.name = "--repetitions", .letter = 'r', .value = "N", .help = "timed runs (default: 5)"},
    {.name = "--warmup", .value = "N", .help = "runs before them (default: 1)"},
    kJsonOption,
};

Result<std::vector<RequestId>> submit(Engine& engine, const BenchCase& what, std::mt19937& random) {
  std::vector<RequestId> ids;
  for (int64_t i = 0; i < what.batch; ++i) {
    TRY(id, engine.submit({.prompt = random_tokens(what.prompt, engine.config().vocab_size, random),
                           .max_new_tokens = what.answer(),
                           .ignore_eos = true}));
    ids.push_back(id);
  }
  return ids;
}

// Tokens a second, from the first prompt's beginning to the last one's end.
Result<double> time_prompts(Engine& engine, const BenchCase& what, std::mt19937& random) {
  TRY(ids, submit(engine, what, random));
  const Stopwatch stopwatch;
  while (engine.has_work()) {
    TRY_STATUS(first_error(engine.step()));
  }
  return static_cast<double>(what.prompt * static_cast<int64_t>(ids.size())) / stopwatch.seconds();
}

// Tokens a second while all requests decode.
Result<double> time_decoding(Engine& engine, const BenchCase& what, std::mt19937& random) {
  TRY(ids, submit(engine, what, random));
  DecodeWindow window(what.batch, what.decode);
  std::optional<Stopwatch> stopwatch;
  while (!window.is_closed()) {
    const std::span<TokenEvent> events = engine.step();
    TRY_STATUS(first_error(events));
    window.take(events);
    if (!stopwatch && window.is_open()) stopwatch.emplace();
  }
  const double seconds = stopwatch ? stopwatch->seconds() : 0;
  for (const RequestId id : ids) engine.cancel(id);
  if (window.tokens() == 0) {
    return make_error(ErrorCode::kInvalidArgument,
                      "{} with {} at once: the first ends before the last has begun to "
                      "decode; that takes infer.max_reqs={} and infer.max_seq_len={}",
                      what.name(), counted(what.batch, "request"), what.batch,
                      what.prompt + what.answer());
  }
  return static_cast<double>(window.tokens()) / seconds;
}

Result<BenchTiming> time_case(Engine& engine, const BenchCase& what, int64_t warmup,
                              int64_t repetitions, const std::function<void(int64_t run)>& on_run) {
  BenchTiming timing{.what = what, .speeds = {}};
  std::mt19937 random(1);
  for (int64_t i = 0; i < warmup + repetitions; ++i) {
    on_run(i);
    TRY(speed, what.decode == 0 ? time_prompts(engine, what, random)
                                : time_decoding(engine, what, random));
    if (i >= warmup) timing.speeds.push_back(speed);
  }
  return timing;
}

// Before anything is loaded: requests that the model has no positions for.
Status check_model(const Invocation& invocation, const BenchPlan& plan) {
  TRY(checkpoint, open_checkpoint(invocation.environment, invocation.settings));
  TRY(config, checked_model_config(checkpoint, invocation.settings));
  const int64_t limit = context_limit(config);
  return check_room(plan, limit, fmt::format("the model's limit is {}", counted(limit, "token")));
}

// The cache is made for the largest case, unless a setting says otherwise.
Result<Session> open(const Invocation& invocation, const BenchPlan& plan) {
  Settings settings = invocation.settings;
  const bool sized = settings.is_auto("infer.max_seq_len");
  const BenchCase& longest = plan.longest();
  if (sized) {
    TRY_STATUS(settings.set("infer.max_seq_len", std::to_string(longest.tokens())));
  }
  // Every prompt is computed, and none is held back for the sake of those that decode.
  const SchedulingOptions scheduling{.policy = *find_policy("prefill_first"),
                                     .prefix_cache = false};
  Result<Session> session = open_session(invocation.environment, settings,
                                         {.max_reqs = plan.max_batch(), .scheduling = scheduling});
  if (session.ok() || session.error().code != ErrorCode::kResourceExhausted) return session;
  std::string reasons;
  if (sized) {
    reasons += longest.decode == 0
                   ? fmt::format(", infer.max_seq_len from --prompt-tokens {}", longest.prompt)
                   : fmt::format(", infer.max_seq_len from --depth {} and --decode-tokens {}",
                                 longest.prompt, longest.decode);
  }
  if (settings.is_auto("infer.max_reqs") && plan.max_batch() > 1) {
    reasons += fmt::format(", infer.max_reqs from --batch {}", plan.max_batch());
  }
  if (reasons.empty()) return session;
  return make_error(ErrorCode::kResourceExhausted, "{}; here {}", session.error().message,
                    reasons.substr(2));
}

// Appends to `timings` as it goes.
Status time_all(const Invocation& invocation, Session& session, const BenchPlan& plan,
                std::vector<BenchTiming>& timings) {
  const bool as_table = !invocation.args.has("--json");
  const int64_t runs = plan.warmup + plan.repetitions;
  ProgressBar bar(invocation.environment, "timing", ProgressBar::Unit::kItems);
  for (const BenchCase& what : plan.cases) {
    const auto show = [&](int64_t run) {
      bar.update(static_cast<int64_t>(timings.size()) * runs + run,
                 static_cast<int64_t>(plan.cases.size()) * runs);
    };
    TRY(timing, time_case(*session.engine, what, plan.warmup, plan.repetitions, show));
    bar.clear();
    if (as_table) print_bench_row(timing);
    timings.push_back(std::move(timing));
  }
  return {};
}

Result<int> run(const Invocation& invocation) {
  const Result<BenchPlan> plan = read_bench_plan(invocation.args, invocation.settings);
  if (!plan.ok()) return usage_error("bench", plan.error().message);
  TRY_STATUS(check_model(invocation, *plan));
  TRY(session, open(invocation, *plan));
  const bool as_json = invocation.args.has("--json");
  if (!as_json) print_bench_head(session, *plan);
  std::vector<BenchTiming> timings;
  const Status status = time_all(invocation, session, *plan, timings);
  if (as_json) {
    const std::string_view error = status.ok() ? "" : std::string_view(status.error().message);
    fmt::print("{}\n", bench_json(session, invocation.settings, *plan, timings, error));
  }
  TRY_STATUS(status);
  return kExitOk;
}

}  // namespace

const Command kBenchCommand{
    .name = "bench",
    .summary = "Measure the speed of prompts (pp) and decoding (tg)",
    .synopsis = "[options] [key=value ...]",
    .takes_settings = true,
    .options = kOptions,
    .examples =
        "chitu bench\n"
        "chitu bench -p 128,512 -n 64 -b 1,8\n"
        "chitu bench -p 0 -n 32 -d 1,1024 --json models=/path/to/checkpoint",
    .run = run,
};

}  // namespace chitu::app
