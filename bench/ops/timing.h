// Timing of kernels, which may take microseconds or a second.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

#include "stopwatch.h"

namespace chitu::bench {

// Seconds of one call of f: the best of several runs in about `seconds`, a run being as many calls
// as take some milliseconds, so that one lucky call is not the answer.
template <class F>
double time_of_call(double seconds, F&& f) {
  using Clock = std::chrono::steady_clock;
  constexpr double kRunSeconds = 0.005;
  const auto start = Clock::now();
  f();
  const double once = std::chrono::duration<double>(Clock::now() - start).count();
  if (once > seconds) return once;
  const int calls = std::max(1, static_cast<int>(std::ceil(kRunSeconds / once)));
  return ceilings::best_time(seconds,
                             [&] {
                               for (int i = 0; i < calls; ++i) f();
                             }) /
         calls;
}

}  // namespace chitu::bench
