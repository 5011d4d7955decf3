#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

namespace chitu {
namespace {

TEST(ThreadPool, EveryNumberIsCalledOnce) {
  for (const int size : {1, 2, 3, 7}) {
    ThreadPool pool({.num_threads = size});
    ASSERT_EQ(pool.size(), size);
    for (const int64_t n : {0, 1, 5, 100}) {
      std::vector<int> calls(n);
      for (int job = 0; job < 200; ++job) pool.share(n, [&](int64_t i, int) { ++calls[i]; });
      EXPECT_EQ(calls, std::vector<int>(n, 200)) << size << " threads";
    }
  }
}

TEST(ThreadPool, NoThreadIsUsedTwiceAtATime) {
  ThreadPool pool({.num_threads = 4});
  std::vector<std::atomic<int>> inside(4);
  for (int job = 0; job < 200; ++job) {
    pool.share(16, [&](int64_t, int thread) {
      ASSERT_LT(thread, 4);
      EXPECT_EQ(inside[thread].fetch_add(1), 0);
      inside[thread].fetch_sub(1);
    });
  }
}

TEST(ThreadPool, WorkersTakePart) {
  ThreadPool pool({.num_threads = 2});
  // Two calls that wait for each other cannot both be the caller's.
  std::atomic<int> arrived{0};
  pool.share(2, [&](int64_t, int) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST(ThreadPool, ResultsAreVisibleToTheCaller) {
  ThreadPool pool({.num_threads = 4});
  std::vector<int64_t> part(4);
  int64_t total = 0;
  for (int64_t job = 1; job <= 500; ++job) {
    pool.share(4, [&](int64_t i, int) { part[i] = job * (i + 1); });
    total += std::accumulate(part.begin(), part.end(), int64_t{0});
  }
  EXPECT_EQ(total, 10 * 500 * 501 / 2);
}

// Few enough that the pool lets them spin, whatever the machine.
int some_threads() { return std::min(usable_cpus(), 4); }

// CPU time that this process takes in 0.1 s of doing nothing, once the workers may have stopped
// spinning.
std::chrono::nanoseconds cpu_time_of_idling() {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto before = now();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return now() - before;
}
// One spinning thread alone would use 100 ms.
constexpr std::chrono::milliseconds kIdle{20};

TEST(ThreadPool, JobsStartAfterTheWorkersFellAsleep) {
  const int threads = some_threads();
  ThreadPool pool({.num_threads = threads, .spin_microseconds = 1});
  for (int job = 0; job < 20; ++job) {
    std::atomic<int> calls{0};
    pool.share(threads, [&](int64_t, int) { ++calls; });
    EXPECT_EQ(calls, threads);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(ThreadPool, IdlePoolUsesNoCpu) {
  const int threads = some_threads();
  ThreadPool pool({.num_threads = threads});
  pool.share(threads, [](int64_t, int) {});
  EXPECT_LT(cpu_time_of_idling(), kIdle);
}

TEST(ThreadPool, ParallelForCoversTheRangeOnce) {
  for (const int size : {1, 2, 5}) {
    ThreadPool pool({.num_threads = size});
    for (const int64_t n : {0, 1, 2, 7, 31, 32, 33, 100, 1000}) {
      for (const int64_t grain : {1, 4, 32}) {
        std::vector<int> hits(n);
        pool.parallel_for(n, grain, [&](int64_t begin, int64_t end, int thread) {
          EXPECT_LT(begin, end);
          EXPECT_EQ(begin % grain, 0);
          EXPECT_LT(thread, size);
          for (int64_t i = begin; i < end; ++i) ++hits[i];
        });
        EXPECT_EQ(hits, std::vector<int>(n, 1)) << "n " << n << " grain " << grain;
      }
    }
  }
}

TEST(ThreadPool, SeveralCallersTakeTurns) {
  ThreadPool pool({.num_threads = 2});
  int64_t jobs = 0;  // not atomic: share() keeps the callers apart
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int job = 0; job < 100; ++job) {
        pool.share(2, [&](int64_t number, int) {
          if (number == 0) ++jobs;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(jobs, 400);
}

TEST(ThreadPool, MoreThreadsThanCpusMakeProgress) {
  ThreadPool pool({.num_threads = usable_cpus() * 8});
  std::atomic<int64_t> calls{0};
  for (int job = 0; job < 100; ++job) pool.share(50, [&](int64_t, int) { ++calls; });
  EXPECT_EQ(calls, 5000);
}

// However long the pool is told to: they would keep each other from their CPUs.
TEST(ThreadPool, MoreThreadsThanCpusDoNotSpin) {
  const int threads = usable_cpus() + 1;
  ThreadPool pool({.num_threads = threads, .spin_microseconds = 10'000'000});
  pool.share(threads, [](int64_t, int) {});
  EXPECT_LT(cpu_time_of_idling(), kIdle);
}

// One range has no workers to start, but a caller to be kept apart from others.
TEST(ThreadPool, SeveralCallersOfOneRangeTakeTurns) {
  ThreadPool pool({.num_threads = 2});
  int64_t jobs = 0;  // not atomic
  std::atomic<int> inside{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int job = 0; job < 200; ++job) {
        pool.parallel_for(3, 8, [&](int64_t begin, int64_t end, int thread) {
          EXPECT_EQ(begin, 0);
          EXPECT_EQ(end, 3);
          EXPECT_EQ(thread, 0);
          EXPECT_EQ(inside.fetch_add(1), 0);
          std::this_thread::yield();
          ++jobs;
          inside.fetch_sub(1);
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(jobs, 800);
}

// This machine's CPUs as if the first half of them were a node and the second half another.
std::vector<CpuList> halves() {
  const CpuList cpus = allowed_cpus();
  const auto middle = cpus.begin() + static_cast<std::ptrdiff_t>(cpus.size() / 2);
  return {CpuList(cpus.begin(), middle), CpuList(middle, cpus.end())};
}

class ThreadPoolOnNodes : public testing::Test {
 protected:
  void SetUp() override {
    if (allowed_cpus().size() < 2) GTEST_SKIP() << "two nodes need two CPUs";
  }
};

TEST_F(ThreadPoolOnNodes, EveryNumberIsCalledOnceWhoeverHelps) {
  for (const int size : {1, 2, 3, 8}) {
    ThreadPool pool({.num_threads = size, .nodes = halves()});
    for (const Help help : {Help::kEverybody, Help::kOwnNode}) {
      for (const int64_t n : {0, 1, 5, 100}) {
        std::vector<int> calls(n);
        for (int job = 0; job < 100; ++job) {
          pool.share(
              n, [&](int64_t i, int) { ++calls[i]; }, help);
        }
        EXPECT_EQ(calls, std::vector<int>(n, 100)) << size << " threads";
      }
    }
  }
}

TEST_F(ThreadPoolOnNodes, EachNodeWritesItsOwn) {
  constexpr int kThreads = 6;
  ThreadPool pool({.num_threads = kThreads, .nodes = halves()});
  // The threads of a node follow each other, and what they begin with does too.
  const int64_t first_of_second = (kThreads * halves()[0].size() + allowed_cpus().size() - 1) /
                                  static_cast<int64_t>(allowed_cpus().size());
  for (int job = 0; job < 100; ++job) {
    std::vector<int> by(kThreads * 10);
    pool.parallel_for(
        kThreads * 10, 1,
        [&](int64_t begin, int64_t end, int thread) {
          for (int64_t i = begin; i < end; ++i) by[i] = thread;
        },
        Help::kOwnNode);
    for (std::size_t i = 0; i < by.size(); ++i) {
      const bool second = static_cast<int64_t>(i / 10) >= first_of_second;
      EXPECT_EQ(by[i] >= first_of_second, second) << i << " by " << by[i];
    }
  }
}

TEST_F(ThreadPoolOnNodes, AnotherNodeIsHelpedWhenItsThreadsAreBusy) {
  ThreadPool pool({.num_threads = 2, .nodes = halves()});
  // Whoever has number 0 waits until all others are done, half of which began as its own.
  std::atomic<int> done{0};
  pool.share(100, [&](int64_t i, int) {
    while (i == 0 && done < 99) std::this_thread::yield();
    ++done;
  });
  EXPECT_EQ(done, 100);
}

TEST_F(ThreadPoolOnNodes, ThreadsStayOnTheirNode) {
  const CpuList before = allowed_cpus();
  const std::vector<CpuList> nodes = halves();
  {
    ThreadPool pool({.num_threads = 2, .pin = Pin::kOff, .nodes = nodes});
    std::vector<CpuList> cpus(2);
    pool.share(
        2, [&](int64_t, int thread) { cpus[thread] = allowed_cpus(); }, Help::kOwnNode);
    EXPECT_EQ(cpus, nodes);
  }
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(ThreadPool, PinsItsWorkersWhenTold) {
  ThreadPool pool({.num_threads = 2, .pin = Pin::kOn});
  EXPECT_TRUE(pool.pins_workers());
  EXPECT_FALSE(ThreadPool({.num_threads = 2, .pin = Pin::kOff}).pins_workers());
  const CpuList before = allowed_cpus();
  std::vector<CpuList> cpus(2);
  std::atomic<int> arrived{0};
  pool.share(2, [&](int64_t, int thread) {
    cpus[thread] = allowed_cpus();
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(cpus[0], before);
  EXPECT_EQ(cpus[1].size(), 1U);
}

TEST(ThreadPool, MovesItsCallerOffTheCpuOfAWorker) {
  const CpuList cpus = allowed_cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "a worker and its caller need two CPUs";
  ThreadPool pool({.num_threads = static_cast<int>(cpus.size()), .pin = Pin::kOn});
  int moved = 0;
  for (int job = 0; job < 100; ++job) {
    bind_thread(pthread_self(), {cpus[1]});
    bind_thread(pthread_self(), cpus);
    pool.share(pool.size(), [](int64_t, int) {});
    if (sched_getcpu() == cpus[0]) ++moved;
  }
  // The system may move a thread at any time, too.
  EXPECT_GT(moved, 50);
  EXPECT_EQ(allowed_cpus(), cpus);
}

TEST(ThreadPool, LeavesACallerWhereItWasBound) {
  const CpuList cpus = allowed_cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "a worker and its caller need two CPUs";
  ThreadPool pool({.num_threads = static_cast<int>(cpus.size()), .pin = Pin::kOn});
  bind_thread(pthread_self(), {cpus[1]});
  pool.share(pool.size(), [](int64_t, int) {});
  EXPECT_EQ(allowed_cpus(), CpuList{cpus[1]});
  bind_thread(pthread_self(), cpus);
}

}  // namespace
}  // namespace chitu
