#include "app/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <vector>

namespace chitu::app {
namespace {

constexpr std::size_t kMaxOutput = 1U << 20;

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> chunk{};
  while (true) {
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (text.size() < kMaxOutput) text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

struct Child {
  pid_t id = 0;
  int output = -1;  // what it writes to standard output
};

Result<Child> start(std::span<const std::string> command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return make_error(ErrorCode::kIo, "pipe: {}", std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    return make_error(failed == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                      "{} cannot be run: {}", command[0], std::strerror(failed));
  }
  return Child{child, ends[0]};
}

// Its exit code, 128 + N when signal N ended it.
int finish(const Child& child) {
  close(child.output);
  int status = 0;
  while (waitpid(child.id, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<SubprocessResult> run_subprocess(std::span<const std::string> command) {
  TRY(child, start(command));
  SubprocessResult result{.output = read_all(child.output)};
  result.exit_code = finish(child);
  return result;
}

Result<double> time_to_first_output(std::span<const std::string> command, double timeout) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  TRY(child, start(command));
  pollfd output{.fd = child.output, .events = POLLIN};
  int ready = -1;
  do {
    const double left = std::max(0.0, timeout - seconds());
    ready = poll(&output, 1, static_cast<int>(std::ceil(left * 1000)));
  } while (ready < 0 && errno == EINTR);
  char first = 0;
  const bool came = ready > 0 && read(child.output, &first, 1) == 1;
  const double time = seconds();
  if (came || ready == 0) kill(child.id, SIGKILL);
  const int exit_code = finish(child);
  if (came) return time;
  if (ready == 0) {
    return make_error(ErrorCode::kIo, "{}: no output within {} s", command[0], timeout);
  }
  return make_error(ErrorCode::kIo, "{}: ended without output, with exit code {}", command[0],
                    exit_code);
}

}  // namespace chitu::app
