// A fixed set of threads that executes one function on every thread, fork-join.
//
// The caller is thread 0. Workers spin for a bounded time after a job and then sleep on a futex, so
// that back-to-back jobs start in under a microsecond and an idle pool uses no CPU.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace chitu {

struct ThreadPoolOptions {
  int num_threads = 0;         // 0: the CPUs this process may use (affinity mask and cgroup quota)
  bool pin = true;             // one thread per CPU, where the mask has enough CPUs
  int spin_microseconds = 50;  // before a waiting worker sleeps
};

// CPUs this process may use: sched_getaffinity, cut by the cgroup's CPU quota; at least 1.
int usable_cpus();

class ThreadPool {
 public:
  explicit ThreadPool(const ThreadPoolOptions& options = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Calls f(thread) once for every thread in [0, size()) and returns when all have returned.
  // One job at a time: callers on several threads wait for each other. f must not call run().
  template <class F>
  void run(F&& f) {
    run_erased([](void* context,
                  int thread) { (*static_cast<std::remove_reference_t<F>*>(context))(thread); },
               const_cast<void*>(static_cast<const void*>(&f)));
  }

  // Splits [0, n) into one contiguous range per thread, its bounds multiples of `grain` (the end
  // aside), and calls f(begin, end, thread) for every range that is not empty. Which thread gets
  // which range depends on n, grain and size() only.
  template <class F>
  void parallel_for(int64_t n, int64_t grain, F&& f) {
    const int64_t chunks = (n + grain - 1) / grain;
    if (chunks <= 1 || size() == 1) {
      if (n > 0) f(int64_t{0}, n, 0);
      return;
    }
    const int64_t threads = size();
    run([&](int thread) {
      const int64_t begin = chunks * thread / threads * grain;
      const int64_t end = thread + 1 == threads ? n : chunks * (thread + 1) / threads * grain;
      if (begin < end) f(begin, end < n ? end : n, thread);
    });
  }

 private:
  using Job = void (*)(void* context, int thread);
  void run_erased(Job job, void* context);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chitu
