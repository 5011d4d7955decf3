#include "engine/worker.h"

#include <utility>

#include "base/check.h"

namespace chitu {

Worker::Worker(std::function<void()> job) : job_(std::move(job)), thread_([this] { work(); }) {}

Worker::~Worker() {
  uint32_t state = state_.load(std::memory_order_acquire);
  while (state == kRunning ||
         !state_.compare_exchange_weak(state, kStopping, std::memory_order_acq_rel)) {
    if (state == kRunning) state_.wait(kRunning, std::memory_order_acquire);
    state = state_.load(std::memory_order_acquire);
  }
  state_.notify_all();
  thread_.join();
}

void Worker::launch() {
  CHECK(state_.load(std::memory_order_relaxed) == kIdle);
  state_.store(kLaunched, std::memory_order_release);
  state_.notify_all();
}

void Worker::wait() {
  uint32_t state = kLaunched;
  if (state_.compare_exchange_strong(state, kIdle, std::memory_order_acq_rel)) {
    job_();
    return;
  }
  state_.wait(kRunning, std::memory_order_acquire);
  state_.store(kIdle, std::memory_order_relaxed);
}

void Worker::work() {
  while (true) {
    uint32_t state = state_.load(std::memory_order_acquire);
    if (state == kStopping) return;
    if (state != kLaunched) {
      state_.wait(state, std::memory_order_acquire);
      continue;
    }
    if (!state_.compare_exchange_strong(state, kRunning, std::memory_order_acq_rel)) continue;
    job_();
    state_.store(kDone, std::memory_order_release);
    state_.notify_all();
  }
}

}  // namespace chitu
