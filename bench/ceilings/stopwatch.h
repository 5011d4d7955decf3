// Timing of a repeated call.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace chitu::ceilings {

// Seconds of one call of f after one to warm up: the best of as many as fit `seconds`, at least
// three.
template <class F>
double best_time(double seconds, F&& f) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  f();
  double best = std::numeric_limits<double>::infinity();
  const auto begin = Clock::now();
  for (int runs = 0; runs < 3 || since(begin) < seconds; ++runs) {
    const auto start = Clock::now();
    f();
    best = std::min(best, since(start));
  }
  return best;
}

}  // namespace chitu::ceilings
