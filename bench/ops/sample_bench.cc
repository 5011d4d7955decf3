#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

#include "backend/cpu/cpu_ops.h"
#include "report.h"

namespace chitu::bench {
namespace {

constexpr int64_t kVocabulary = 151936;  // of Qwen3

// Seconds to draw one token, the best of many; logits are made anew each time, for they are lost.
double seconds(Ops& ops, const SamplingParams& params,
               const std::vector<LogitAdjustment>& adjustments, const std::vector<float>& logits) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  std::vector<float> lost;
  int32_t id = 0;
  const int32_t starts[] = {0, static_cast<int32_t>(adjustments.size())};
  constexpr int64_t kTop = 1 + kMaxTopLogprobs;
  int32_t top_ids[kTop];
  float logprobs[kTop];
  const bool tells = params.top_logprobs >= 0;
  for (int i = 0; i < 50; ++i) {
    lost = logits;
    const auto start = Clock::now();
    ops.run(Sample{
        .logits = TensorRef::contiguous(lost.data(), DType::kF32, {1, kVocabulary}),
        .params = {&params, 1},
        .adjustment_starts = starts,
        .adjustments = adjustments,
        .ids = TensorRef::contiguous(&id, DType::kI32, {1}),
        .logprob_ids = TensorRef::contiguous(tells ? top_ids : nullptr, DType::kI32, {1, kTop}),
        .logprobs = TensorRef::contiguous(tells ? logprobs : nullptr, DType::kF32, {1, kTop})});
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

void bench_sample(Report& report) {
  struct Row {
    std::string_view name;
    SamplingParams params;
    int32_t adjustments = 0;
  };
  constexpr Row kRows[] = {
      {"greedy", {}},
      {"temperature 1", {.temperature = 1.0F}},
      {"top_k 40", {.temperature = 1.0F, .top_k = 40}},
      {"top_p 0.95", {.temperature = 1.0F, .top_p = 0.95F}},
      {"top_k 20 top_p 0.95", {.temperature = 0.6F, .top_k = 20, .top_p = 0.95F}},
      {"min_p 0.05", {.temperature = 1.0F, .min_p = 0.05F}},
      {"greedy, 1000 adjustments", {}, 1000},
      {"greedy, 20 logprobs", {.top_logprobs = 20}},
  };
  // As of models: most far below the few that matter.
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 3.0F);
  std::vector<float> logits(kVocabulary);
  for (float& x : logits) x = normal(random);
  const auto ops = make_cpu_ops(report.pool(), {});
  for (const Row& row : kRows) {
    const std::string label = fmt::format("sample of {} {}", kVocabulary, row.name);
    if (!report.wants(label) || !ops.ok()) continue;
    std::vector<LogitAdjustment> adjustments;
    for (int32_t i = 0; i < row.adjustments; ++i)
      adjustments.push_back({.token = i * 151, .repetition = 1.1F, .bias = -0.5F});
    report.add_time(label, seconds(**ops, row.params, adjustments, logits));
  }
}

}  // namespace chitu::bench
