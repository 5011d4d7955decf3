// What it costs to share a job among threads: the time from a call of ThreadPool to its return,
// with jobs that do nothing; with jobs that no thread leaves before all have come; and with such
// jobs so far apart that the workers have gone to sleep.
//
//   bench_threads [threads ...]
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "arguments.h"
#include "base/thread_pool.h"

namespace chitu {
namespace {

using Clock = std::chrono::steady_clock;

// Microseconds of a call: the median of many, `pause` apart.
template <class F>
double microseconds(int calls, std::chrono::microseconds pause, F&& f) {
  std::vector<double> times;
  for (int i = 0; i < calls; ++i) {
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
    const auto start = Clock::now();
    f();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  const auto middle = times.begin() + calls / 2;
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

void bench(int threads) {
  ThreadPool pool({.num_threads = threads});
  constexpr std::chrono::microseconds kNone{0};
  constexpr std::chrono::microseconds kLong{2000};  // the workers sleep
  const auto share = [&] { pool.share(pool.size(), [](int64_t, int) {}); };
  const auto parallel_for = [&] { pool.parallel_for(1024, 1, [](int64_t, int64_t, int) {}); };
  const auto meet = [&] {
    std::atomic<int> here{0};
    pool.share(pool.size(), [&](int64_t, int) {
      ++here;
      while (here.load(std::memory_order_relaxed) < pool.size()) std::this_thread::yield();
    });
  };
  fmt::print(
      "{:4} threads   share {:6.2f} us   parallel_for {:6.2f} us   meet {:6.2f} us   "
      "meet after a pause {:6.2f} us\n",
      pool.size(), microseconds(100000, kNone, share), microseconds(100000, kNone, parallel_for),
      microseconds(20000, kNone, meet), microseconds(200, kLong, meet));
}

}  // namespace
}  // namespace chitu

int main(int argc, char** argv) {
  using chitu::ceilings::asks_for_help;
  using chitu::ceilings::number;
  if (asks_for_help(argc, argv)) {
    fmt::print(
        "Measures what it costs to share a job among threads.\n\n"
        "usage: bench_threads [N ...]\n\n"
        "  N ...  how many threads, a line each (default: all)\n");
    return 0;
  }
  for (int i = 1; i < argc; ++i) {
    const auto threads = number<int>(argv[i]);
    if (!threads || *threads < 1 || *threads > 1024) {
      fmt::print(stderr, "bench_threads: {}: expected an integer in [1, 1024]\n", argv[i]);
      return 2;
    }
  }
  if (argc == 1) chitu::bench(0);
  for (int i = 1; i < argc; ++i) chitu::bench(*number<int>(argv[i]));
}
