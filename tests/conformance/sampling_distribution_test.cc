// What is drawn follows the distribution that the parameters define, which is computed here anew,
// from the definitions of the filters alone.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "../chi_square.h"
#include "harness.h"

namespace chitu::conformance {
namespace {

constexpr int32_t kVocab = 24;
constexpr int64_t kDraws = 20000;

using Probabilities = std::vector<double>;

void normalize(Probabilities& p) {
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
}

// How many tokens are more probable, or as probable with a lower id.
int64_t rank(const Probabilities& p, std::size_t id) {
  int64_t before = 0;
  for (std::size_t other = 0; other < p.size(); ++other)
    before += p[other] > p[id] || (p[other] == p[id] && other < id) ? 1 : 0;
  return before;
}

template <class Keeps>
void filter(Probabilities& p, Keeps keeps) {
  const Probabilities all = p;
  for (std::size_t id = 0; id < p.size(); ++id)
    if (!keeps(all, id)) p[id] = 0.0;
  normalize(p);
}

// The share of those that rank before a token.
double share_before(const Probabilities& p, std::size_t id) {
  double share = 0.0;
  for (std::size_t other = 0; other < p.size(); ++other)
    if (rank(p, other) < rank(p, id)) share += p[other];
  return share;
}

Probabilities exact(const Floats& logits, const SamplingParams& params,
                    const std::vector<LogitAdjustment>& adjustments) {
  Probabilities p(logits.begin(), logits.end());
  for (const LogitAdjustment& a : adjustments) {
    double& x = p[static_cast<std::size_t>(a.token)];
    x *= x > 0 ? 1.0 / a.repetition : a.repetition;
    x += a.bias;
  }
  for (double& x : p) x = std::exp(x / params.temperature);
  normalize(p);
  if (params.top_k > 0) {
    filter(p, [&](const auto& all, std::size_t id) { return rank(all, id) < params.top_k; });
  }
  filter(p, [&](const auto& all, std::size_t id) {
    return rank(all, id) == 0 || share_before(all, id) < params.top_p;
  });
  filter(p, [&](const auto& all, std::size_t id) {
    return all[id] >= params.min_p * *std::max_element(all.begin(), all.end());
  });
  return p;
}

class SamplingDistribution : public Conformance {
 protected:
  // Draws kDraws times, as one request would, or once in each of so many requests.
  enum class Vary : uint8_t { kDraw, kSeed };

  Ints draws(SamplingParams params, const std::vector<LogitAdjustment>& adjustments,
             Vary vary = Vary::kDraw) {
    Floats all;
    std::vector<SamplingParams> rows;
    std::vector<int32_t> starts = {0};
    std::vector<LogitAdjustment> of_all;
    for (uint64_t i = 0; i < kDraws; ++i) {
      all.insert(all.end(), logits_.begin(), logits_.end());
      (vary == Vary::kDraw ? params.draw : params.seed) = i;
      rows.push_back(params);
      of_all.insert(of_all.end(), adjustments.begin(), adjustments.end());
      starts.push_back(static_cast<int32_t>(of_all.size()));
    }
    Side side(*device_, device_->activation_dtype());
    const TensorRef ids = side.int_output(kDraws);
    side.run(Sample{.logits = side.f32(all, {kDraws, kVocab}),
                    .params = rows,
                    .adjustment_starts = starts,
                    .adjustments = of_all,
                    .ids = ids});
    return side.read_ints(ids);
  }

  void check(const SamplingParams& params, const std::vector<LogitAdjustment>& adjustments = {},
             Vary vary = Vary::kDraw) {
    std::vector<int64_t> counts(kVocab);
    for (const int32_t id : draws(params, adjustments, vary))
      ++counts[static_cast<std::size_t>(id)];
    expect_distribution(counts, exact(logits_, params, adjustments));
  }

  // From 2.2 down to -2.4 in steps of 0.2, in no order; of the ids 7 and 16, both 0.8.
  Floats logits_ = [] {
    Floats logits(kVocab);
    for (int i = 0; i < kVocab; ++i)
      logits[static_cast<std::size_t>(i)] = 0.2F * static_cast<float>(i * 7 % kVocab) - 2.4F;
    logits[7] = 0.8F;
    logits[16] = 0.8F;
    return logits;
  }();
};

TEST_P(SamplingDistribution, Temperature) {
  for (const float temperature : {0.5F, 1.0F, 2.0F}) check({.temperature = temperature, .seed = 1});
}

TEST_P(SamplingDistribution, TopK) {
  for (const int32_t top_k : {2, 8, 23}) check({.temperature = 1, .top_k = top_k, .seed = 2});
}

TEST_P(SamplingDistribution, TopP) {
  for (const float top_p : {0.3F, 0.7F, 0.97F})
    check({.temperature = 1, .top_p = top_p, .seed = 3});
}

TEST_P(SamplingDistribution, MinP) {
  for (const float min_p : {0.05F, 0.3F}) check({.temperature = 1, .min_p = min_p, .seed = 4});
}

TEST_P(SamplingDistribution, FiltersTogether) {
  check({.temperature = 1.3F, .top_k = 15, .top_p = 0.85F, .min_p = 0.1F, .seed = 5});
}

TEST_P(SamplingDistribution, RepetitionPenalty) {
  for (const float repetition : {1.5F, 0.6F}) {  // of positive logits, negative ones, and others
    std::vector<LogitAdjustment> adjustments;
    for (const int32_t token : {0, 3, 7, 10, 17, 20, 23})
      adjustments.push_back({.token = token, .repetition = repetition});
    check({.temperature = 1, .seed = 6}, adjustments);
  }
}

TEST_P(SamplingDistribution, Biases) {
  const float inf = std::numeric_limits<float>::infinity();
  check({.temperature = 0.8F, .seed = 7}, {{.token = 3, .bias = 2},
                                           {.token = 17, .bias = -1.5F},
                                           {.token = 10, .bias = -inf},
                                           {.token = 0, .repetition = 1.2F, .bias = 0.5F}});
}

TEST_P(SamplingDistribution, AdjustmentsBeforeFilters) {
  check({.temperature = 1, .top_k = 6, .top_p = 0.9F, .seed = 8},
        {{.token = 0, .bias = 5}, {.token = 17, .bias = -5}, {.token = 7, .repetition = 2}});
}

TEST_P(SamplingDistribution, FirstDrawsOfManySeeds) { check({.temperature = 1}, {}, Vary::kSeed); }

// Whatever a request has just drawn, its next draw follows the same distribution.
TEST_P(SamplingDistribution, DrawsAreIndependent) {
  const SamplingParams params{.temperature = 0.5F, .seed = 9};
  const Probabilities one = exact(logits_, params, {});
  const Ints ids = draws(params, {});
  std::vector<int64_t> counts(kVocab * kVocab);
  Probabilities pairs(kVocab * kVocab);
  for (std::size_t i = 0; i + 1 < ids.size(); i += 2)
    ++counts[static_cast<std::size_t>(ids[i] * kVocab + ids[i + 1])];
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = one[i / kVocab] * one[i % kVocab];
  expect_distribution(counts, pairs);
}

CHITU_CONFORMANCE_BACKENDS(SamplingDistribution);

}  // namespace
}  // namespace chitu::conformance
