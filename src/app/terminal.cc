#include "app/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace chitu::app {

ProgressBar::ProgressBar(const Environment& environment, std::string_view what)
    : what_(what), enabled_(environment.error_is_terminal) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void ProgressBar::update(int64_t done, int64_t total) {
  constexpr auto kInterval = std::chrono::milliseconds(50);
  constexpr int kWidth = 30;
  const auto now = Clock::now();
  if (!enabled_ || total <= 0 || now - last_ < kInterval) return;
  last_ = now;
  drawn_ = true;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const int filled = static_cast<int>(share * kWidth);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double gigabytes = static_cast<double>(done) / 1e9;
  fmt::print(stderr, "\r{} [{:#>{}}{:.>{}}] {:.2f} of {:.2f} GB, {:.2f} GB/s\033[K", what_, "",
             filled, "", kWidth - filled, gigabytes, static_cast<double>(total) / 1e9,
             gigabytes / std::max(seconds, 1e-3));
  std::fflush(stderr);
}

void note(const Environment& environment, std::string_view line) {
  const bool dim = environment.colour;
  fmt::print(stderr, "{}{}{}\n", dim ? "\033[2m" : "", line, dim ? "\033[0m" : "");
}

}  // namespace chitu::app
