// `chitu bench`: prompt and decode speed of a model, in a table.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>

#include "app/commands.h"
#include "app/decode_window.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/counted.h"
#include "io/json.h"

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
    {.name = "--json", .help = "one JSON object instead of the table"},
};

constexpr int64_t kMaxTokens = 1 << 24;
constexpr int64_t kMaxBatch = 4096;

// One row of the table: a prompt is timed when decode is 0, decoding otherwise.
struct Case {
  int64_t prompt = 0;  // tokens of each request's prompt
  int64_t decode = 0;  // tokens of each request that are timed
  int64_t batch = 1;
  int64_t ahead = 0;  // tokens the first request may decode before the last prompt is computed

  std::string name() const {
    return decode == 0
               ? fmt::format("pp{}", prompt)
               : fmt::format("tg{}{}", decode, prompt > 1 ? fmt::format("@{}", prompt) : "");
  }
  // The step that ends a prompt also makes a token.
  int64_t answer() const { return decode == 0 ? 1 : ahead + decode + 1; }
};

struct Timing {
  Case what;
  std::vector<double> speeds;  // tokens a second, sorted

  double median() const {
    const std::size_t middle = speeds.size() / 2;
    return speeds.size() % 2 == 1 ? speeds[middle] : (speeds[middle - 1] + speeds[middle]) / 2;
  }
};

std::vector<int32_t> random_prompt(int64_t length, int64_t vocab_size, std::mt19937& random) {
  std::vector<int32_t> tokens(static_cast<std::size_t>(length));
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(random() % static_cast<uint32_t>(vocab_size));
  }
  return tokens;
}

Result<std::vector<RequestId>> submit(Engine& engine, const Case& what, std::mt19937& random) {
  std::vector<RequestId> ids;
  for (int64_t i = 0; i < what.batch; ++i) {
    TRY(id, engine.submit({.prompt = random_prompt(what.prompt, engine.config().vocab_size, random),
                           .max_new_tokens = what.answer(),
                           .ignore_eos = true}));
    ids.push_back(id);
  }
  return ids;
}

// Tokens a second, from the first prompt's beginning to the last one's end.
Result<double> time_prompts(Engine& engine, const Case& what, std::mt19937& random) {
  TRY(ids, submit(engine, what, random));
  const Stopwatch stopwatch;
  while (engine.has_work()) {
    const auto events = engine.step();
    if (!events.ok()) return events.error();
  }
  return static_cast<double>(what.prompt * static_cast<int64_t>(ids.size())) / stopwatch.seconds();
}

// Tokens a second while all requests decode.
Result<double> time_decoding(Engine& engine, const Case& what, std::mt19937& random) {
  TRY(ids, submit(engine, what, random));
  DecodeWindow window(what.batch, what.decode);
  std::optional<Stopwatch> stopwatch;
  while (!window.is_closed()) {
    TRY(events, engine.step());
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

Result<Timing> time_case(Engine& engine, const Case& what, int64_t warmup, int64_t repetitions,
                         const std::function<void(int64_t run)>& on_run) {
  Timing timing{.what = what, .speeds = {}};
  std::mt19937 random(1);
  for (int64_t i = 0; i < warmup + repetitions; ++i) {
    on_run(i);
    TRY(speed, what.decode == 0 ? time_prompts(engine, what, random)
                                : time_decoding(engine, what, random));
    if (i >= warmup) timing.speeds.push_back(speed);
  }
  std::sort(timing.speeds.begin(), timing.speeds.end());
  return timing;
}

void print_row(const Timing& timing) {
  fmt::print("| {:<12} | {:>5} | {:>10.2f} | {:>8.2f} to {:>8.2f} |\n", timing.what.name(),
             timing.what.batch, timing.median(), timing.speeds.front(), timing.speeds.back());
  std::fflush(stdout);
}

void print_json(const Session& session, const std::vector<Timing>& timings) {
  json::Array rows;
  for (const Timing& timing : timings) {
    rows.push_back(json::Object{
        {"test", timing.what.name()},
        {"prompt_tokens", timing.what.prompt},
        {"decode_tokens", timing.what.decode},
        {"batch", timing.what.batch},
        {"median_tokens_per_second", timing.median()},
        {"tokens_per_second", json::Array(timing.speeds.begin(), timing.speeds.end())}});
  }
  const json::Object report{{"model", session.model_name},
                            {"backend", session.backend.ops->name()},
                            {"threads", session.backend.pool->size()},
                            {"cache_dtype", name(session.backend.kv_dtype)},
                            {"load_seconds", session.load_seconds},
                            {"results", std::move(rows)}};
  fmt::print("{}\n", boost::json::serialize(report));
}

struct Plan {
  std::vector<Case> cases;
  int64_t warmup = 1;
  int64_t repetitions = 5;

  int64_t max_batch() const {
    int64_t most = 1;
    for (const Case& c : cases) most = std::max(most, c.batch);
    return most;
  }
  int64_t max_tokens() const {
    int64_t most = 1;
    for (const Case& c : cases) most = std::max(most, c.prompt + c.answer());
    return most;
  }
};

// Steps of other prompts beside which the first request decodes, at most: each computes as much of
// a prompt as the requests that decode leave room for.
int64_t steps_ahead(int64_t prompt, int64_t batch, int64_t step_tokens) {
  const int64_t room = std::max<int64_t>(step_tokens - (batch - 1), 1);
  return (prompt * batch + room - 1) / room - 1;
}

Result<Plan> read_plan(const Args& args, const Settings& settings) {
  Plan plan;
  TRY(prompts, args.integers_or("--prompt-tokens", {settings.integer("request.prompt_tokens_len")},
                                0, kMaxTokens));
  TRY(decodes, args.integers_or("--decode-tokens", {64}, 0, kMaxTokens));
  TRY(batches, args.integers_or("--batch", {1}, 1, kMaxBatch));
  TRY(depths, args.integers_or("--depth", {1}, 1, kMaxTokens));
  TRY(repetitions, args.integer_or("--repetitions", 5, 1, 10000));
  TRY(warmup, args.integer_or("--warmup", 1, 0, 10000));
  plan.repetitions = repetitions;
  plan.warmup = warmup;
  const int64_t step_tokens = settings.integer("infer.prefill_chunk_size");
  for (const int64_t batch : batches) {
    for (const int64_t prompt : prompts) {
      if (prompt > 0) plan.cases.push_back({.prompt = prompt, .decode = 0, .batch = batch});
    }
    for (const int64_t depth : depths) {
      for (const int64_t decode : decodes) {
        if (decode == 0) continue;
        plan.cases.push_back({.prompt = depth,
                              .decode = decode,
                              .batch = batch,
                              .ahead = steps_ahead(depth, batch, step_tokens)});
      }
    }
  }
  if (plan.cases.empty()) {
    return make_error(ErrorCode::kInvalidArgument,
                      "nothing to time: both --prompt-tokens and --decode-tokens are 0");
  }
  return plan;
}

Result<int> run(const Invocation& invocation) {
  const Args& args = invocation.args;
  const Result<Plan> plan = read_plan(args, invocation.settings);
  if (!plan.ok()) return usage_error("bench", plan.error().message);

  // The cache is made for the largest case, unless a setting says otherwise.
  Settings settings = invocation.settings;
  if (settings.is_auto("infer.max_seq_len")) {
    TRY_STATUS(settings.set("infer.max_seq_len", std::to_string(plan->max_tokens())));
  }
  TRY(session, open_session(invocation.environment, settings, {.max_reqs = plan->max_batch()}));
  const bool as_json = args.has("--json");
  if (!as_json) {
    fmt::print("{}, {}, {}, KV cache {}; {} after {} to warm up\n\n", session.model_name,
               session.backend.ops->name(), counted(session.backend.pool->size(), "thread"),
               name(session.backend.kv_dtype), counted(plan->repetitions, "run"), plan->warmup);
    fmt::print("| test         | batch | tok/s      | least to most        |\n");
    fmt::print("|--------------|------:|-----------:|---------------------:|\n");
  }
  std::vector<Timing> timings;
  const int64_t runs = plan->warmup + plan->repetitions;
  ProgressBar bar(invocation.environment, "timing", ProgressBar::Unit::kItems);
  for (const Case& what : plan->cases) {
    const auto show = [&](int64_t run) {
      bar.update(static_cast<int64_t>(timings.size()) * runs + run,
                 static_cast<int64_t>(plan->cases.size()) * runs);
    };
    TRY(timing, time_case(*session.engine, what, plan->warmup, plan->repetitions, show));
    bar.clear();
    if (!as_json) print_row(timing);
    timings.push_back(std::move(timing));
  }
  if (as_json) print_json(session, timings);
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
