#include "app/terminal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <string>

namespace chitu::app {
namespace {

TEST(DescribeProgress, SuitsTheUnitToTheTotal) {
  constexpr auto kBytes = ProgressBar::Unit::kBytes;
  EXPECT_EQ(describe_progress(kBytes, 1'000'000, 98'000'000, 0.5), "1.0 of 98.0 MB, 2.0 MB/s");
  EXPECT_EQ(describe_progress(kBytes, 1'000'000'000, 4'100'000'000, 2),
            "1.00 of 4.10 GB, 0.50 GB/s");
  EXPECT_EQ(describe_progress(ProgressBar::Unit::kItems, 3, 12, 1), "3 of 12");
}

// Standard error is another file while it lives.
class ErrorsTo {
 public:
  explicit ErrorsTo(int file) { ::dup2(file, STDERR_FILENO); }
  ~ErrorsTo() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  ErrorsTo(const ErrorsTo&) = delete;
  ErrorsTo& operator=(const ErrorsTo&) = delete;

 private:
  int before_ = ::dup(STDERR_FILENO);
};

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe(ends.data()), 0); }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  // What is in it; it must not be empty.
  std::string read() const {
    std::string text(1 << 20, ' ');
    text.resize(
        static_cast<size_t>(std::max<ssize_t>(::read(ends[0], text.data(), text.size()), 0)));
    return text;
  }
  std::array<int, 2> ends{};
};

TEST(Note, IsALine) {
  const Pipe pipe;
  {
    const ErrorsTo errors(pipe.ends[1]);
    note({}, "one");
    note({.colour = true}, "two");
    note_at_once("three", /*dim=*/false);
    note_at_once("four", /*dim=*/true);
  }
  EXPECT_EQ(pipe.read(), "one\n\033[2mtwo\033[0m\nthree\n\033[2mfour\033[0m\n");
}

TEST(Note, FailsNobodyWhenTheDiskIsFull) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  const ErrorsTo errors(full);
  note({}, "lost");
  note_at_once("lost", /*dim=*/false);
  ::close(full);
}

TEST(NoteAtOnce, WaitsForNoReader) {
  const Pipe pipe;
  std::string last;
  {
    const ErrorsTo errors(pipe.ends[1]);
    for (int i = 0; i < 1000; ++i) note_at_once(std::string(1000, 'x'), /*dim=*/false);
    (void)pipe.read();
    note_at_once("again", /*dim=*/false);
  }
  EXPECT_EQ(pipe.read(), "again\n");
}

TEST(NoteAtOnce, CutsALongLine) {
  const Pipe pipe;
  {
    const ErrorsTo errors(pipe.ends[1]);
    note_at_once(std::string(100'000, 'x'), /*dim=*/true);
  }
  const std::string text = pipe.read();
  EXPECT_EQ(text.size(), PIPE_BUF);
  EXPECT_THAT(text, testing::EndsWith("x\033[0m\n"));
}

TEST(NoteAtOnce, OutlivesItsReader) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  {
    const ErrorsTo errors(ends[1]);
    note({}, "lost");
    note_at_once("lost", /*dim=*/false);
  }
  (void)std::signal(SIGPIPE, before);
  ::close(ends[1]);
}

}  // namespace
}  // namespace chitu::app
