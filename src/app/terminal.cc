#include "app/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace chitu::app {

ProgressBar::ProgressBar(const Environment& environment, std::string_view what, Unit unit)
    : what_(what), unit_(unit), enabled_(environment.can_redraw) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (!std::exchange(drawn_, false)) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  last_ = {};
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
  fmt::print(stderr, "\r{} [{:#>{}}{:.>{}}] {}\033[K", what_, "", filled, "", kWidth - filled,
             describe_progress(unit_, done, total, seconds));
  std::fflush(stderr);
}

std::string describe_progress(ProgressBar::Unit unit, int64_t done, int64_t total, double seconds) {
  if (unit == ProgressBar::Unit::kItems) return fmt::format("{} of {}", done, total);
  const bool is_large = total >= 1'000'000'000;
  const double scale = is_large ? 1e9 : 1e6;
  const std::string_view name = is_large ? "GB" : "MB";
  const int digits = is_large ? 2 : 1;
  const double shown = static_cast<double>(done) / scale;
  return fmt::format("{:.{}f} of {:.{}f} {}, {:.{}f} {}/s", shown, digits,
                     static_cast<double>(total) / scale, digits, name,
                     shown / std::max(seconds, 1e-3), digits, name);
}

void note(const Environment& environment, std::string_view line) {
  const bool dim = environment.colour;
  fmt::print(stderr, "{}{}{}\n", dim ? "\033[2m" : "", line, dim ? "\033[0m" : "");
}

}  // namespace chitu::app
