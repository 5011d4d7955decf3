// Counts what a render costs against its limits: steps, live bytes, depth.
#pragma once

#include <cstdint>
#include <utility>

#include "text/jinja/error.h"
#include "text/jinja/limits.h"

namespace chitu::jinja {

class Meter {
 public:
  explicit Meter(const Limits& limits) : limits_(limits) {}
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  const Limits& limits() const { return limits_; }

  void step(int64_t n = 1) {
    steps_ += n;
    if (steps_ > limits_.max_steps) {
      fail_limit("the template ran past its limit of {} steps", limits_.max_steps);
    }
  }

  // Work that is proportional to the bytes looked at or copied; what is left of 256 bytes counts
  // with the next.
  void scan(size_t bytes) {
    scanned_ += bytes;
    if (scanned_ < kBytesPerStep) return;
    step(static_cast<int64_t>(scanned_ / kBytesPerStep));
    scanned_ %= kBytesPerStep;
  }

  // Fails if `bytes` more could not be held; called before they are allocated.
  void require(size_t bytes) const {
    if (bytes > static_cast<size_t>(limits_.max_live_bytes - live_)) {
      fail_limit("the template ran past its limit of {} bytes of memory", limits_.max_live_bytes);
    }
  }
  void take(size_t bytes) {
    require(bytes);
    live_ += static_cast<int64_t>(bytes);
  }
  void give_back(size_t bytes) { live_ -= static_cast<int64_t>(bytes); }

  void enter() {
    if (++depth_ > limits_.max_depth) {
      --depth_;
      fail_limit("the template nests deeper than its limit of {} levels", limits_.max_depth);
    }
  }
  void leave() { --depth_; }

 private:
  static constexpr size_t kBytesPerStep = 256;

  Limits limits_;
  int64_t steps_ = 0;
  size_t scanned_ = 0;  // less than kBytesPerStep
  int64_t live_ = 0;
  int depth_ = 0;
};

// One level of evaluation.
class Level {
 public:
  explicit Level(Meter& meter) : meter_(meter) { meter_.enter(); }
  ~Level() { meter_.leave(); }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Meter& meter_;
};

// Bytes of the budget that an object holds and gives back when it dies. Without a meter (constants
// of the template itself) nothing is counted.
class Charge {
 public:
  Charge() = default;
  Charge(Meter& meter, size_t bytes) : meter_(&meter), bytes_(bytes) { meter.take(bytes); }
  Charge(Charge&& other) noexcept
      : meter_(std::exchange(other.meter_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Charge() {
    if (meter_ != nullptr) meter_->give_back(bytes_);
  }

  void grow(size_t bytes) {
    if (meter_ == nullptr) return;
    meter_->take(bytes);
    bytes_ += bytes;
  }

 private:
  Meter* meter_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace chitu::jinja
