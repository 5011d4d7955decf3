#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>
#include <vector>

#include "base/cpu_quota.h"

namespace chitu {
namespace {

// The CPUs of the calling thread's affinity mask, in ascending order.
std::vector<int> allowed_cpus() {
  // The mask of a machine with more CPUs than cpu_set_t holds is refused with EINVAL.
  for (int capacity = CPU_SETSIZE; capacity <= (1 << 20); capacity *= 2) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    std::vector<int> cpus;
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    for (int cpu = 0; known && cpu < capacity; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes, set)) cpus.push_back(cpu);
    }
    CPU_FREE(set);
    if (known) return cpus;
  }
  return {};
}

int usable_cpus(std::size_t allowed) {
  double cpus = static_cast<double>(std::max<std::size_t>(allowed, 1));
  if (const auto quota = cgroup_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup")) {
    // Rounded down: a thread more than the quota pays for is stopped in the middle of a job, and
    // all others wait for it.
    cpus = std::min(cpus, std::floor(*quota));
  }
  return std::max(1, static_cast<int>(cpus));
}

void pin_to(std::thread& thread, int cpu) {
  cpu_set_t* set = CPU_ALLOC(cpu + 1);
  const std::size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(bytes, set);
  CPU_SET_S(cpu, bytes, set);
  // Best effort: a mask that shrank meanwhile only costs speed.
  pthread_setaffinity_np(thread.native_handle(), bytes, set);
  CPU_FREE(set);
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Returns once `value` differs from `old`: spins for `spin`, then sleeps on a futex.
template <class T>
T wait_while(const std::atomic<T>& value, T old, std::chrono::nanoseconds spin) {
  using Clock = std::chrono::steady_clock;
  if (spin.count() > 0) {
    const auto deadline = Clock::now() + spin;
    do {
      for (int i = 0; i < 64; ++i) {
        const T now = value.load(std::memory_order_acquire);
        if (now != old) return now;
        relax();
      }
    } while (Clock::now() < deadline);
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

int usable_cpus() { return usable_cpus(allowed_cpus().size()); }

// A job is published by advancing `epoch`, whose change is what the workers wait for: the sense of
// a sense-reversing barrier, with 2^32 senses. `running` counts the workers still busy with it.
struct ThreadPool::Impl {
  std::mutex callers;
  std::chrono::nanoseconds spin{0};
  int size = 1;

  Job job = nullptr;  // written before epoch advances; null: stop
  void* context = nullptr;
  alignas(64) std::atomic<uint32_t> epoch{0};
  alignas(64) std::atomic<int> running{0};
  std::vector<std::thread> workers;

  void work(int thread) {
    uint32_t seen = 0;
    while (true) {
      seen = wait_while(epoch, seen, spin);
      if (job == nullptr) return;
      job(context, thread);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) running.notify_one();
    }
  }

  void publish(Job next, void* next_context) {
    job = next;
    context = next_context;
    running.store(size - 1, std::memory_order_relaxed);
    epoch.fetch_add(1);
    epoch.notify_all();  // no system call while nobody sleeps
  }
};

ThreadPool::ThreadPool(const ThreadPoolOptions& options) : impl_(std::make_unique<Impl>()) {
  const std::vector<int> cpus = allowed_cpus();
  const int usable = usable_cpus(cpus.size());
  impl_->size = options.num_threads > 0 ? options.num_threads : usable;
  // With more threads than CPUs a spinning thread keeps the one it waits for from running.
  if (impl_->size <= usable) impl_->spin = std::chrono::microseconds(options.spin_microseconds);
  const bool pin = options.pin && static_cast<std::size_t>(impl_->size) <= cpus.size();
  for (int i = 1; i < impl_->size; ++i) {
    impl_->workers.emplace_back([this, i] { impl_->work(i); });
    // The caller, thread 0, may be any thread of the program and is left alone; the first CPU of
    // the mask stays free for it.
    if (pin) pin_to(impl_->workers.back(), cpus[i]);
  }
}

ThreadPool::~ThreadPool() {
  impl_->publish(nullptr, nullptr);
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::size() const { return impl_->size; }

void ThreadPool::run_erased(Job job, void* context) {
  const std::lock_guard<std::mutex> lock(impl_->callers);
  if (impl_->size == 1) return job(context, 0);
  impl_->publish(job, context);
  job(context, 0);
  for (int left = impl_->running.load(std::memory_order_acquire); left != 0;) {
    left = wait_while(impl_->running, left, impl_->spin);
  }
}

}  // namespace chitu
