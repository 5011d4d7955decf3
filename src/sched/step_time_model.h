// How long a step will take, learnt from the steps before it; from that, how much of a prompt a
// step may compute without the others' streams stumbling.
//
//   seconds = c0 + c1 * prefill_tokens + c2 * prefill_context + c3 * decode_rows
//             + c4 * decode_context
//
// The coefficients are the state of a Kalman filter (R. E. Kalman, A New Approach to Linear
// Filtering and Prediction Problems, 1960): each step corrects those that it says something about
// and leaves the others. Pure: no clock, the same observations give the same answers.
#pragma once

#include <array>
#include <cstdint>

#include "sched/batch_plan.h"

namespace chitu {

struct StepLoad {
  int64_t prefill_tokens = 0;   // of sequences with several new tokens
  int64_t prefill_context = 0;  // tokens that those attend to, summed over them
  int64_t decode_rows = 0;      // sequences with one new token
  int64_t decode_context = 0;   // tokens that those attend to

  bool operator==(const StepLoad&) const = default;
};

StepLoad load_of(const BatchPlan& plan);

class StepTimeModel {
 public:
  StepTimeModel();

  // A step of this load took so long. REQUIRES: seconds >= 0
  void observe(const StepLoad& load, double seconds);

  // 0 before anything was observed.
  double predict(const StepLoad& load) const;

  // The time between tokens that is aimed at where no setting says it: twice the step without
  // prompts, but at least 50 ms.
  double auto_budget(const StepLoad& decoding) const;

  // How many tokens of a prompt, from first_position on, fit into a step of `budget` seconds beside
  // `decoding`: in [kLeastChunk, most] (at most `most`), so that prompts always get on. Never
  // more than twice what was observed already, and kFirstChunk in the beginning.
  int64_t prefill_tokens(double budget, const StepLoad& decoding, int64_t first_position,
                         int64_t most) const;

  static constexpr int64_t kLeastChunk = 16;
  static constexpr int64_t kFirstChunk = 128;

 private:
  static constexpr int kTerms = 5;
  using Vector = std::array<double, kTerms>;

  static Vector terms(const StepLoad& load);

  Vector cost_{};                            // seconds for each term
  std::array<Vector, kTerms> covariance_{};  // of cost_
  int64_t largest_prefill_ = 0;              // that was observed, in tokens
};

}  // namespace chitu
