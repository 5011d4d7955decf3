// The arithmetic of LogitAdjustment, shared by the back ends that run on the host.
#pragma once

#include <span>

#include "ops/descs.h"

namespace chitu {

// Of row `row` of a Sample.
inline std::span<const LogitAdjustment> adjustments_of(const Sample& op, int64_t row) {
  if (op.adjustment_starts.empty()) return {};
  const auto r = static_cast<std::size_t>(row);
  const auto begin = static_cast<std::size_t>(op.adjustment_starts[r]);
  const auto end = static_cast<std::size_t>(op.adjustment_starts[r + 1]);
  return op.adjustments.subspan(begin, end - begin);
}

// A product of floats is exact in double, so a compiler that fuses it with the sum changes nothing.
inline void adjust_logits(std::span<const LogitAdjustment> adjustments, float* logits) {
  for (const LogitAdjustment& a : adjustments) {
    const double x = logits[a.token];
    logits[a.token] = static_cast<float>((x > 0 ? x / a.repetition : x * a.repetition) + a.bias);
  }
}

}  // namespace chitu
