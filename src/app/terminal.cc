#include "app/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <utility>

namespace chitu::app {
namespace {

constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kPlain = "\033[0m";

// fmt::print would throw when standard error is a full disk or a terminal that went away.
void print_error(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
  (void)std::fflush(stderr);
}

}  // namespace

ProgressBar::ProgressBar(const Environment& environment, std::string_view what, Unit unit)
    : what_(what), unit_(unit), enabled_(environment.can_redraw) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (!std::exchange(drawn_, false)) return;
  print_error("\r\033[K");
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
  print_error(fmt::format("\r{} [{:#>{}}{:.>{}}] {}\033[K", what_, "", filled, "", kWidth - filled,
                          describe_progress(unit_, done, total, seconds)));
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
  print_error(fmt::format("{}{}{}\n", dim ? kDim : "", line, dim ? kPlain : ""));
}

void note_at_once(std::string_view line, bool dim) noexcept {
  // A pipe that has room has it for so much.
  std::array<char, PIPE_BUF> text;
  size_t size = 0;
  const auto append = [&](std::string_view piece) {
    size = static_cast<size_t>(std::copy(piece.begin(), piece.end(), text.begin() + size) -
                               text.begin());
  };
  if (dim) append(kDim);
  append(line.substr(0, text.size() - size - kPlain.size() - 1));
  if (dim) append(kPlain);
  append("\n");
  pollfd standard_error{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&standard_error, 1, 0) < 1 || (standard_error.revents & POLLOUT) == 0) return;
  if (::write(STDERR_FILENO, text.data(), size) < 0) return;  // lost
}

}  // namespace chitu::app
