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

// Returns the value once it differs from `old`: spins for `spin`, then sleeps on a futex.
uint32_t wait_while(const std::atomic<uint32_t>& value, uint32_t old,
                    std::chrono::nanoseconds spin) {
  using Clock = std::chrono::steady_clock;
  if (spin.count() > 0) {
    const auto deadline = Clock::now() + spin;
    do {
      for (int i = 0; i < 64; ++i) {
        const uint32_t now = value.load(std::memory_order_acquire);
        if (now != old) return now;
        relax();
      }
    } while (Clock::now() < deadline);
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

// The state of the gate: a job's number, whether workers may still join it, and how many are
// inside.
constexpr int kMaxThreads = 1024;
constexpr uint32_t kInside = 0x7ff;
constexpr uint32_t kClosed = 0x800;
constexpr uint32_t kJob = 0x1000;  // the unit of the number
uint32_t job_number(uint32_t gate) { return gate / kJob; }

}  // namespace

int usable_cpus() { return usable_cpus(allowed_cpus().size()); }

// A job is published by opening the gate under the next number, which is what the workers wait for.
// A worker joins by adding itself to the open gate, in one step with checking that it is open. The
// caller, having found nothing left to do, closes the gate and waits for those inside; a worker
// that comes later finds it closed and has missed nothing.
struct ThreadPool::Impl {
  // The numbers a thread begins with, taken one by one by whoever is free.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  std::mutex callers;
  std::chrono::nanoseconds spin{0};
  int size = 1;

  // Of the current job; written while the gate is closed and nobody is inside.
  Job job = nullptr;
  void* context = nullptr;
  std::unique_ptr<Share[]> shares;  // [size]

  alignas(64) std::atomic<uint32_t> gate{kClosed};
  // How often a closed gate was left by the last worker inside.
  alignas(64) std::atomic<uint32_t> emptied{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;

  void take_part(int thread) {
    for (int k = 0; k < size; ++k) {
      Share& share = shares[(thread + k) % size];
      for (int64_t i; (i = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
        job(context, i, thread);
      }
    }
  }

  void work(int thread) {
    uint32_t seen = kClosed;
    uint32_t last_job = 0;
    while (true) {
      seen = wait_while(gate, seen, spin);
      if (stop.load(std::memory_order_relaxed)) return;
      if (job_number(seen) == last_job || (seen & kClosed) != 0) continue;
      if (!gate.compare_exchange_strong(seen, seen + 1, std::memory_order_acq_rel)) {
        seen = ~seen;  // changed meanwhile: look again at once
        continue;
      }
      last_job = job_number(seen);
      take_part(thread);
      seen = gate.fetch_sub(1, std::memory_order_acq_rel) - 1;
      if ((seen & kClosed) != 0 && (seen & kInside) == 0) {
        emptied.fetch_add(1, std::memory_order_release);
        emptied.notify_one();
      }
    }
  }

  void open() {
    const uint32_t number = job_number(gate.load(std::memory_order_relaxed)) + 1;
    gate.store(number * kJob);
    gate.notify_all();  // no system call while nobody sleeps
  }

  // Returns when nobody is inside any more.
  void close() {
    const uint32_t before = gate.fetch_or(kClosed, std::memory_order_acq_rel);
    if ((before & kInside) == 0) return;
    while (true) {
      const uint32_t last = emptied.load(std::memory_order_acquire);
      if ((gate.load(std::memory_order_acquire) & kInside) == 0) return;
      wait_while(emptied, last, spin);
    }
  }
};

ThreadPool::ThreadPool(const ThreadPoolOptions& options) : impl_(std::make_unique<Impl>()) {
  const std::vector<int> cpus = allowed_cpus();
  const int usable = usable_cpus(cpus.size());
  impl_->size = std::min(options.num_threads > 0 ? options.num_threads : usable, kMaxThreads);
  impl_->shares = std::make_unique<Impl::Share[]>(static_cast<std::size_t>(impl_->size));
  // With more threads than CPUs a spinning thread keeps the one it waits for from running.
  if (impl_->size <= usable) impl_->spin = std::chrono::microseconds(options.spin_microseconds);
  // With fewer threads than CPUs the system chooses better: two processes that both took the first
  // ones would share them while others idle.
  const bool pin = options.pin && static_cast<std::size_t>(impl_->size) == cpus.size();
  for (int i = 1; i < impl_->size; ++i) {
    impl_->workers.emplace_back([this, i] { impl_->work(i); });
    // The caller, thread 0, may be any thread of the program and is left alone; the first CPU of
    // the mask stays free for it.
    if (pin) pin_to(impl_->workers.back(), cpus[i]);
  }
}

ThreadPool::~ThreadPool() {
  impl_->stop.store(true, std::memory_order_relaxed);
  impl_->open();
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::size() const { return impl_->size; }

void ThreadPool::share_erased(int64_t n, Job job, void* context) {
  const std::lock_guard<std::mutex> lock(impl_->callers);
  impl_->job = job;
  impl_->context = context;
  const int size = impl_->size;
  for (int t = 0; t < size; ++t) {
    impl_->shares[t].next.store(n * t / size, std::memory_order_relaxed);
    impl_->shares[t].end = n * (t + 1) / size;
  }
  if (size > 1) impl_->open();
  impl_->take_part(0);
  if (size > 1) impl_->close();
}

}  // namespace chitu
