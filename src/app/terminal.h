// What is written on standard error while the user waits: a progress bar, and dimmed notes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "app/environment.h"

namespace chitu::app {

// Draws "loading [#####.....] 1.2 of 4.1 GB, 2.3 GB/s" on a terminal, at most 20 times a second,
// and takes it away when it is done. Elsewhere it draws nothing.
class ProgressBar {
 public:
  enum class Unit : uint8_t { kBytes, kItems };

  ProgressBar(const Environment& environment, std::string_view what, Unit unit);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(int64_t done, int64_t total);
  // Makes room for a line of output; the next update() draws it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  Unit unit_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_;
};

// "1.23 of 4.10 GB, 2.30 GB/s" or "3 of 12"; in the unit that suits the total.
std::string describe_progress(ProgressBar::Unit unit, int64_t done, int64_t total, double seconds);

// A line on standard error, dim where there are colours. What cannot be written is lost.
void note(const Environment& environment, std::string_view line);

// The same for a server's event loop, which may neither wait nor fail: a line that would have to
// wait for who reads standard error is lost, a long one is cut.
void note_at_once(std::string_view line, bool dim) noexcept;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace chitu::app
