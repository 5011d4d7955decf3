// A thread that runs one job again and again, beside the thread that asks for it.
//
// Whoever waits for a job that nobody has begun runs it itself. So a caller that has nothing else
// to do pays no change of threads, and one that has finds the job begun.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace chitu {

class Worker {
 public:
  explicit Worker(std::function<void()> job);
  // Waits for a job that has begun; one that has not is dropped.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Asks for the job. REQUIRES: wait() has returned since the last time.
  void launch();
  // Returns when the job is done; at once if none was asked for.
  void wait();

 private:
  enum State : uint32_t { kIdle, kLaunched, kRunning, kDone, kStopping };
  void work();

  std::function<void()> job_;
  std::atomic<uint32_t> state_{kIdle};
  std::thread thread_;
};

}  // namespace chitu
