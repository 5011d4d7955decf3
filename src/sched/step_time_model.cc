#include "sched/step_time_model.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace chitu {
namespace {

// Terms are measured in amounts that take about equally long, so that one variance suits all.
constexpr double kTokens = 256;
constexpr double kContext = 65536;
constexpr double kRows = 64;

constexpr double kFirstVariance = 1;  // of a cost, seconds^2: nothing is known
// A measured time strays by about this part of itself, and by at least this much.
constexpr double kRelativeNoise = 0.1;
constexpr double kLeastNoise = 1e-4;  // seconds
// Costs change while the program runs (other load, other clocks): by this part of themselves a
// step.
constexpr double kDrift = 0.01;

constexpr double kLeastAutoBudget = 0.05;  // seconds

}  // namespace

StepLoad load_of(const BatchPlan& plan) {
  StepLoad load;
  for (const PlannedSequence& s : plan.sequences) {
    if (s.num_tokens == 1) {
      ++load.decode_rows;
      load.decode_context += s.first_position + 1;
    } else {
      load.prefill_tokens += s.num_tokens;
      load.prefill_context +=
          s.num_tokens * s.first_position + s.num_tokens * (s.num_tokens + 1) / 2;
    }
  }
  return load;
}

StepTimeModel::StepTimeModel() {
  for (int i = 0; i < kTerms; ++i) covariance_[i][i] = kFirstVariance;
}

StepTimeModel::Vector StepTimeModel::terms(const StepLoad& load) {
  return {1.0, static_cast<double>(load.prefill_tokens) / kTokens,
          static_cast<double>(load.prefill_context) / (kTokens * kContext),
          static_cast<double>(load.decode_rows) / kRows,
          static_cast<double>(load.decode_context) / kContext};
}

void StepTimeModel::observe(const StepLoad& load, double seconds) {
  CHECK(seconds >= 0);
  const Vector x = terms(load);
  for (int i = 0; i < kTerms; ++i) {
    covariance_[i][i] =
        std::min(kFirstVariance, covariance_[i][i] + std::pow(kDrift * cost_[i], 2));
  }
  Vector gain{};  // first covariance * x
  double variance = std::pow(std::max(kLeastNoise, kRelativeNoise * seconds), 2);
  double expected = 0;
  for (int i = 0; i < kTerms; ++i) {
    for (int j = 0; j < kTerms; ++j) gain[i] += covariance_[i][j] * x[j];
    variance += gain[i] * x[i];
    expected += cost_[i] * x[i];
  }
  for (int i = 0; i < kTerms; ++i) {
    for (int j = 0; j < kTerms; ++j) covariance_[i][j] -= gain[i] * gain[j] / variance;
    // A cost may become negative where only sums of costs are known. It is corrected where it is
    // used: changing the state would contradict the covariance, and it would not settle.
    cost_[i] += gain[i] / variance * (seconds - expected);
  }
  largest_prefill_ = std::max(largest_prefill_, load.prefill_tokens);
}

double StepTimeModel::predict(const StepLoad& load) const {
  const Vector x = terms(load);
  double seconds = 0;
  for (int i = 0; i < kTerms; ++i) seconds += cost_[i] * x[i];
  return std::max(0.0, seconds);
}

double StepTimeModel::auto_budget(const StepLoad& decoding) const {
  return std::max(kLeastAutoBudget, 2 * predict(decoding));
}

int64_t StepTimeModel::prefill_tokens(double budget, const StepLoad& decoding,
                                      int64_t first_position, int64_t most) const {
  most = std::min(most, std::max(kFirstChunk, 2 * largest_prefill_));
  if (largest_prefill_ == 0) return most;
  const double left = budget - predict(decoding);
  if (left <= 0) return std::min(kLeastChunk, most);
  // n tokens take token * n + context * (n * first_position + n * n / 2) seconds.
  const double context = std::max(0.0, cost_[2]) / (kTokens * kContext);
  const double token =
      std::max(0.0, cost_[1]) / kTokens + context * static_cast<double>(first_position);
  const double root = std::sqrt(token * token + 2 * context * left);
  // Of the two forms of the solution the one without a difference of nearly equal numbers.
  const double tokens = token + root > 0 ? 2 * left / (token + root) : static_cast<double>(most);
  const auto whole = static_cast<int64_t>(std::min(tokens, static_cast<double>(most)));
  return std::min(std::max(whole, kLeastChunk), most);
}

}  // namespace chitu
