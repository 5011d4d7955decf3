#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <bitset>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace chitu {
namespace {

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
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

  // The threads of a node: [first, end).
  struct Team {
    int first = 0;
    int end = 0;
  };

  std::mutex callers;
  std::chrono::nanoseconds spin{0};
  int size = 1;
  std::vector<Team> teams;               // [size], of each thread
  CpuList allowed;                       // the CPUs of all
  CpuList caller_cpus;                   // empty: any
  std::thread::id bound_caller;          // the thread that was bound to them last
  std::bitset<CPU_SETSIZE> worker_cpus;  // where a worker is pinned
  int free_cpu = -1;                     // where none is, if workers are pinned

  // Of the current job; written while the gate is closed and nobody is inside.
  Job job = nullptr;
  void* context = nullptr;
  Help help = Help::kEverybody;
  std::unique_ptr<Share[]> shares;  // [size]

  alignas(64) std::atomic<uint32_t> gate{kClosed};
  // How often a closed gate was left by the last worker inside.
  alignas(64) std::atomic<uint32_t> emptied{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;

  void take_from(Share& share, int thread) {
    for (int64_t i; (i = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
      job(context, i, thread);
    }
  }

  void take_part(int thread) {
    const auto [first, end] = teams[static_cast<std::size_t>(thread)];
    const int members = end - first;
    for (int k = 0; k < members; ++k) {
      take_from(shares[first + (thread - first + k) % members], thread);
    }
    if (help == Help::kOwnNode) return;
    for (int k = 0; k < size - members; ++k) take_from(shares[(end + k) % size], thread);
  }

  // Returns when every number has been taken, if need be by the threads of other nodes.
  void await_other_nodes() const {
    for (int t = 0; t < size; ++t) {
      while (shares[t].next.load(std::memory_order_relaxed) < shares[t].end) {
        std::this_thread::yield();
      }
    }
  }

  void bind_caller() {
    const std::thread::id caller = std::this_thread::get_id();
    if (caller_cpus.empty() || caller == bound_caller) return;
    bind_thread(pthread_self(), caller_cpus);
    bound_caller = caller;
  }

  void find_free_cpu(const std::vector<ThreadPlace>& places) {
    for (std::size_t t = 1; t < places.size(); ++t) {
      if (places[t].cpus.size() != 1 || places[t].cpus[0] >= CPU_SETSIZE) return;
      worker_cpus.set(static_cast<std::size_t>(places[t].cpus[0]));
    }
    for (const int cpu : caller_cpus.empty() ? allowed : caller_cpus) {
      if (cpu >= CPU_SETSIZE || worker_cpus.test(static_cast<std::size_t>(cpu))) continue;
      free_cpu = cpu;
      return;
    }
  }

  // Moves the caller off the CPU of a worker, which cannot make room, to the one that was left
  // free. The system may leave the two together for as long as they run, at half the speed. The
  // caller may still run wherever it might before.
  void move_caller() {
    if (free_cpu < 0) return;
    const int cpu = sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE || !worker_cpus.test(static_cast<std::size_t>(cpu))) return;
    cpu_set_t own;
    if (pthread_getaffinity_np(pthread_self(), sizeof(own), &own) != 0 ||
        !CPU_ISSET(free_cpu, &own)) {
      free_cpu = -1;  // the caller's affinity is somebody else's decision
      return;
    }
    cpu_set_t there;
    CPU_ZERO(&there);
    CPU_SET(free_cpu, &there);
    pthread_setaffinity_np(pthread_self(), sizeof(there), &there);
    pthread_setaffinity_np(pthread_self(), sizeof(own), &own);
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
  const int usable = usable_cpus();
  const int size = std::min(options.num_threads > 0 ? options.num_threads : usable, kMaxThreads);
  impl_->size = size;
  impl_->shares = std::make_unique<Impl::Share[]>(static_cast<std::size_t>(size));
  // With more threads than CPUs a spinning thread keeps the one it waits for from running.
  if (size <= usable) impl_->spin = std::chrono::microseconds(options.spin_microseconds);

  impl_->allowed = allowed_cpus();
  const std::vector<ThreadPlace> places =
      thread_places(size, impl_->allowed, options.nodes, options.pin);
  impl_->teams.resize(places.size());
  for (int first = 0, end = 0; first < size; first = end) {
    while (end < size && places[end].node == places[first].node) ++end;
    for (int t = first; t < end; ++t) impl_->teams[t] = {first, end};
  }
  impl_->caller_cpus = places[0].cpus;
  impl_->find_free_cpu(places);
  for (int t = 1; t < size; ++t) {
    impl_->workers.emplace_back([this, t] { impl_->work(t); });
    bind_thread(impl_->workers.back().native_handle(), places[t].cpus);
  }
}

ThreadPool::~ThreadPool() {
  impl_->stop.store(true, std::memory_order_relaxed);
  impl_->open();
  for (std::thread& worker : impl_->workers) worker.join();
  if (impl_->bound_caller == std::this_thread::get_id()) {
    bind_thread(pthread_self(), impl_->allowed);
  }
}

int ThreadPool::size() const { return impl_->size; }

bool ThreadPool::pins_workers() const { return impl_->worker_cpus.any(); }

void ThreadPool::share_erased(int64_t n, Help help, Job job, void* context) {
  const std::lock_guard<std::mutex> lock(impl_->callers);
  impl_->bind_caller();
  const int size = impl_->size;
  if (size == 1 || n <= 1) {  // not worth waking anybody
    for (int64_t i = 0; i < n; ++i) job(context, i, 0);
    return;
  }
  impl_->move_caller();
  impl_->job = job;
  impl_->context = context;
  impl_->help = help;
  for (int t = 0; t < size; ++t) {
    impl_->shares[t].next.store(n * t / size, std::memory_order_relaxed);
    impl_->shares[t].end = n * (t + 1) / size;
  }
  impl_->open();
  impl_->take_part(0);
  if (help == Help::kOwnNode) impl_->await_other_nodes();
  impl_->close();
}

}  // namespace chitu
