// A fixed set of threads that share the work of one caller at a time, fork-join.
//
// Workers spin for a bounded time after a job and then sleep on a futex, so that back-to-back jobs
// start in under a microsecond and an idle pool uses no CPU. The caller works too, and a worker
// that the system keeps off its CPU is not waited for: the others take over its share. A caller
// that runs where a worker is pinned is moved to a CPU without one.
//
// On a machine with several NUMA nodes the threads are spread over them. A thread takes over from
// those of its node first, so that memory that is written as it is read, in jobs of like
// proportions, is read on its own node. A thread that calls is moved to the first node and stays
// there; the last that called is moved back when it ends the pool itself.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "base/cpus.h"
#include "base/round_up.h"
#include "base/thread_places.h"

namespace chitu {

struct ThreadPoolOptions {
  int num_threads = 0;  // at most 1024; 0: the CPUs this process may use, usable_cpus()
  Pin pin = Pin::kAuto;
  std::vector<CpuList> nodes = {};  // numa_nodes(); empty: one
  int spin_microseconds = 50;       // before a waiting worker sleeps
};

// Whose share of a job a thread goes on to when its own is done.
enum class Help : uint8_t {
  kEverybody,  // its own node's, then the others'
  kOwnNode,    // so that each node writes what it will read; the job ends with the slowest node
};

class ThreadPool {
 public:
  explicit ThreadPool(const ThreadPoolOptions& options = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;
  bool pins_workers() const;  // each of them to a CPU; the caller is never pinned

  // Calls f(i, thread) once for every i in [0, n) and returns when all have returned. No two calls
  // at the same time have the same `thread`, which is in [0, size()). A thread begins with the i
  // that are its own for this n and size(), a contiguous range, and goes on to what others have
  // left; of one i alone, the caller takes it. One job at a time: callers on several threads wait
  // for each other. f must not use the pool.
  template <class F>
  void share(int64_t n, F&& f, Help help = Help::kEverybody) {
    share_erased(
        n, help,
        [](void* context, int64_t i, int thread) {
          (*static_cast<std::remove_reference_t<F>*>(context))(i, thread);
        },
        const_cast<void*>(static_cast<const void*>(&f)));
  }

  // Splits [0, n) into a few contiguous ranges a thread, their bounds multiples of `grain` (the end
  // aside), and calls f(begin, end, thread) for each, as share() does.
  template <class F>
  void parallel_for(int64_t n, int64_t grain, F&& f, Help help = Help::kEverybody) {
    constexpr int64_t kRangesPerThread = 4;
    const int64_t units = div_up(n, grain);
    const int64_t most = size() == 1 ? 1 : size() * kRangesPerThread;
    const int64_t ranges = units < most ? units : most;
    const auto call = [&](int64_t i, int thread) {
      const int64_t begin = units * i / ranges * grain;
      const int64_t end = units * (i + 1) / ranges * grain;
      f(begin, end < n ? end : n, thread);
    };
    share(ranges, call, help);
  }

 private:
  using Job = void (*)(void* context, int64_t i, int thread);
  void share_erased(int64_t n, Help help, Job job, void* context);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chitu
