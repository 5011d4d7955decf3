#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "backend/reference/kernels.h"
#include "ops/adjust_logits.h"
#include "ops/philox.h"

namespace chitu::reference {
namespace {

struct Candidate {
  int32_t id = 0;
  double probability = 0.0;  // not normalised: the largest is 1
};

// A logit that is not a number never wins.
double logit(const float* logits, int64_t id) {
  return std::isnan(logits[id]) ? -std::numeric_limits<double>::infinity() : logits[id];
}

int32_t greedy(const float* logits, int64_t vocab) {
  int32_t best = 0;
  for (int32_t id = 1; id < vocab; ++id) {
    if (logit(logits, id) > logit(logits, best)) best = id;
  }
  return best;
}

// All tokens, the most probable first, the lowest id first among equals.
std::vector<Candidate> ranked(const float* logits, int64_t vocab, double temperature) {
  const double largest = logit(logits, greedy(logits, vocab));
  std::vector<Candidate> all(static_cast<std::size_t>(vocab));
  for (int32_t id = 0; id < vocab; ++id) {
    const double x = logit(logits, id);
    all[id] = {id, x == largest ? 1.0 : std::exp((x - largest) / temperature)};
  }
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return a.probability > b.probability;
  });
  return all;
}

double sum(const std::vector<Candidate>& candidates) {
  double total = 0.0;
  for (const Candidate& c : candidates) total += c.probability;
  return total;
}

// The fewest of the most probable tokens whose share of the total is at least top_p.
void keep_top_p(std::vector<Candidate>& candidates, double top_p) {
  const double wanted = top_p * sum(candidates);
  double covered = 0.0;
  std::size_t count = 0;
  while (count < candidates.size() && (count == 0 || covered < wanted)) {
    covered += candidates[count++].probability;
  }
  candidates.resize(count);
}

int32_t draw(const float* logits, int64_t vocab, const SamplingParams& params) {
  std::vector<Candidate> candidates = ranked(logits, vocab, params.temperature);
  if (params.top_k > 0 && params.top_k < vocab) candidates.resize(params.top_k);
  if (params.top_p < 1.0F) keep_top_p(candidates, params.top_p);
  std::erase_if(candidates, [&](const Candidate& c) { return c.probability < params.min_p; });

  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
  const double target = uniform(params.seed, params.draw) * sum(candidates);
  double passed = 0.0;
  for (const Candidate& c : candidates) {
    passed += c.probability;
    if (passed > target) return c.id;
  }
  return candidates.back().id;
}

// The row's logits without NaN and plus infinity, and with the same probabilities.
std::vector<double> tame(const float* logits, int64_t vocab) {
  const double none = -std::numeric_limits<double>::infinity();
  const double largest = logit(logits, greedy(logits, vocab));
  std::vector<double> result(static_cast<std::size_t>(vocab));
  for (int64_t id = 0; id < vocab; ++id) {
    const double x = logit(logits, id);
    result[id] = std::isfinite(largest) ? x : x == largest ? 0.0 : none;
  }
  return result;
}

// `raw`: tame() of the logits as they came.
void write_logprobs(const std::vector<double>& raw, int32_t sampled, int32_t top, int32_t* ids,
                    float* logprobs) {
  std::vector<int32_t> ranked(raw.size());
  std::iota(ranked.begin(), ranked.end(), 0);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [&](int32_t a, int32_t b) { return raw[a] > raw[b]; });
  const double largest = raw[ranked[0]];
  double sum = 0.0;
  for (const double x : raw) sum += std::exp(x - largest);

  const auto wanted = std::min(raw.size(), static_cast<std::size_t>(top));
  for (std::size_t i = 0; i <= static_cast<std::size_t>(top); ++i) {
    ids[i] = i == 0 ? sampled : i <= wanted ? ranked[i - 1] : -1;
    if (ids[i] >= 0) logprobs[i] = static_cast<float>(raw[ids[i]] - largest - std::log(sum));
  }
}

}  // namespace

void run(const Sample& op) {
  const int64_t vocab = op.logits.cols();
  for (int64_t r = 0; r < op.logits.rows(); ++r) {
    auto* logits = op.logits.row<float>(r);
    const SamplingParams& params = op.params[static_cast<std::size_t>(r)];
    std::vector<double> raw;
    if (params.top_logprobs >= 0) raw = tame(logits, vocab);
    adjust_logits(adjustments_of(op, r), logits);
    const int32_t id = params.temperature > 0 ? draw(logits, vocab, params) : greedy(logits, vocab);
    op.ids.row<int32_t>(0)[r] = id;
    if (params.top_logprobs < 0) continue;
    write_logprobs(raw, id, params.top_logprobs, op.logprob_ids.row<int32_t>(r),
                   op.logprobs.row<float>(r));
  }
}

}  // namespace chitu::reference
