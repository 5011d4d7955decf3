#include "app/bench_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/counted.h"

namespace chitu::app {
namespace {

constexpr int64_t kMaxTokens = 1 << 24;
constexpr int64_t kMaxBatch = 4096;

// Steps of other prompts beside which the first request decodes, at most: each computes as much of
// a prompt as the requests that decode leave room for.
int64_t steps_ahead(int64_t prompt, int64_t batch, int64_t step_tokens) {
  const int64_t room = std::max<int64_t>(step_tokens - (batch - 1), 1);
  return (prompt * batch + room - 1) / room - 1;
}

}  // namespace

Status check_batch(std::string_view option, int64_t batch, const Settings& settings) {
  const int64_t max_reqs = settings.integer("infer.max_reqs");
  if (settings.is_auto("infer.max_reqs") || batch <= max_reqs) return {};
  return make_error(ErrorCode::kInvalidArgument,
                    "{} {}: infer.max_reqs={}, so {} at most; without infer.max_reqs there is "
                    "room for any number",
                    option, batch, max_reqs, max_reqs);
}

std::string BenchCase::name() const {
  if (decode == 0) return fmt::format("pp{}", prompt);
  return fmt::format("tg{}{}", decode, prompt > 1 ? fmt::format("@{}", prompt) : "");
}

int64_t BenchPlan::max_batch() const {
  int64_t most = 1;
  for (const BenchCase& c : cases) most = std::max(most, c.batch);
  return most;
}

const BenchCase& BenchPlan::longest() const {
  return *std::max_element(cases.begin(), cases.end(), [](const BenchCase& a, const BenchCase& b) {
    return a.tokens() < b.tokens();
  });
}

Status check_room(const BenchPlan& plan, int64_t tokens, std::string_view limit) {
  for (const BenchCase& c : plan.cases) {
    if (c.tokens() <= tokens) continue;
    const auto error = [&](std::string_view option, int64_t given, int64_t most) -> Error {
      if (most < 1) {
        return make_error(ErrorCode::kInvalidArgument, "{} {}: {}, too little for any", option,
                          given, limit);
      }
      return make_error(ErrorCode::kInvalidArgument, "{} {}: {}, so {} at most", option, given,
                        limit, most);
    };
    if (c.decode == 0) return error("--prompt-tokens", c.prompt, tokens - 1);
    const int64_t decode = tokens - (c.tokens() - c.decode);
    if (decode >= 1) return error("--decode-tokens", c.decode, decode);
    if (c.batch > 1) {
      return make_error(ErrorCode::kInvalidArgument,
                        "--depth {} --batch {}: {}, but while the last prompts are computed the "
                        "first request decodes, and takes {} in all: a smaller depth or batch",
                        c.prompt, c.batch, limit, counted(c.tokens(), "token"));
    }
    return error("--depth", c.prompt, tokens - c.answer());
  }
  return {};
}

Result<BenchPlan> read_bench_plan(const Args& args, const Settings& settings) {
  BenchPlan plan;
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
  TRY_STATUS(check_batch("--batch", plan.max_batch(), settings));
  if (!settings.is_auto("infer.max_seq_len")) {
    const int64_t tokens = settings.integer("infer.max_seq_len");
    TRY_STATUS(check_room(plan, tokens, fmt::format("infer.max_seq_len={}", tokens)));
  }
  return plan;
}

}  // namespace chitu::app
