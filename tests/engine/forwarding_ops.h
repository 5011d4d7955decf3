// A back end that another one does the work of: tests override what they want to disturb.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>

#include "ops/ops.h"

namespace chitu::test {

class ForwardingOps : public Ops {
 public:
  explicit ForwardingOps(Ops& target) : target_(target) {}

  std::string_view name() const override { return target_.name(); }
  DType activation_dtype() const override { return target_.activation_dtype(); }
  void run(const Op& op) override { target_.run(op); }
  Status synchronize() override { return target_.synchronize(); }
  int64_t workspace_bytes(const Op& op) const override { return target_.workspace_bytes(op); }
  Status reserve(int64_t bytes) override { return target_.reserve(bytes); }
  Result<Buffer> allocate(std::size_t bytes) override { return target_.allocate(bytes); }
  void upload(void* device, const void* host, std::size_t bytes) override {
    target_.upload(device, host, bytes);
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    target_.download(host, device, bytes);
  }
  Result<Weight> prepare(const WeightSource& source) override { return target_.prepare(source); }
  Result<int64_t> prepared_bytes(DType format, int64_t rows, int64_t cols) const override {
    return target_.prepared_bytes(format, rows, cols);
  }

 private:
  Ops& target_;
};

// A device that reports an error when it is told to.
class FailingOps final : public ForwardingOps {
 public:
  using ForwardingOps::ForwardingOps;
  std::atomic<bool> fails = false;

  Status synchronize() override {
    if (fails) return make_error(ErrorCode::kInternal, "the device has gone");
    return ForwardingOps::synchronize();
  }
};

// A device whose steps end when they are allowed to.
class HeldOps final : public ForwardingOps {
 public:
  using ForwardingOps::ForwardingOps;

  Status synchronize() override {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return begun_ <= allowed_; });
    lock.unlock();
    return ForwardingOps::synchronize();
  }

  // From now on no step ends but by the following.
  void hold() {
    allow([this] { allowed_ = begun_; });
  }
  void let_one_go() {
    allow([this] { ++allowed_; });
  }
  void let_go() {
    allow([this] { allowed_ = std::numeric_limits<int64_t>::max(); });
  }
  // Returns when a step is held.
  void await_step() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ > allowed_; });
  }

 private:
  template <class Change>
  void allow(Change change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t begun_ = 0;
  int64_t allowed_ = std::numeric_limits<int64_t>::max();  // of those begun
};

}  // namespace chitu::test
