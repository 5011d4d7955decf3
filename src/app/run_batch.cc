#include "app/run_batch.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "app/answer_prompts.h"
#include "app/interrupt.h"
#include "app/served_model.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/counted.h"
#include "server/batch_run.h"
#include "server/routes/routes.h"
#include "server/server_state.h"

namespace chitu::app {
namespace {

constexpr int64_t kRequestsAtATime = 16;  // where infer.max_reqs is auto
// Lines that are answered at a time, for each request that the engine computes at a time: the rest
// is read and tokenized meanwhile.
constexpr int64_t kLinesPerRequest = 2;
constexpr int64_t kMaxQueue = int64_t{1} << 20;  // its length is bounded by the lines at a time
constexpr auto kPollInterval = std::chrono::milliseconds(100);

Result<std::vector<std::string>> read_lines(std::istream& file, const std::string& name) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) lines.push_back(std::move(line));
  }
  if (file.bad()) return make_error(ErrorCode::kIo, "{}: read error", name);
  if (lines.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "{}: no requests in it", name);
  }
  return lines;
}

Result<std::vector<std::string>> read_lines(const std::string& path) {
  if (path == "-") return read_lines(std::cin, "standard input");
  std::ifstream file(path);
  if (!file) {
    return make_error(ErrorCode::kIo, "{}: cannot be read: {}", path, std::strerror(errno));
  }
  return read_lines(file, path);
}

// Stops the batch soon after Ctrl-C.
asio::awaitable<void> watch(const InterruptScope& interrupt, BatchRun& batch,
                            asio::steady_timer& timer, const bool& done) {
  boost::system::error_code ignored;
  while (!done && !interrupt.interrupted()) {
    timer.expires_after(kPollInterval);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (!done) batch.stop();
}

struct Outcome {
  BatchSummary summary;
  bool interrupted = false;
};

Outcome answer_lines(const Invocation& invocation, Session& session,
                     std::vector<std::string>& lines, OutputFile& output) {
  asio::io_context io;
  const auto say = [&](const std::string& text) { note(invocation.environment, text); };
  ServerState state(io, session.model_name, {.version = CHITU_VERSION, .on_note = say});
  Service service(*session.engine, {.max_queue = kMaxQueue},
                  [&](std::vector<TokenEvent> events) { state.hub.deliver(std::move(events)); });
  state.model = served_model(session, invocation.settings, service);
  const Router router = make_routes(state);

  const auto total = static_cast<int64_t>(lines.size());
  ProgressBar bar(invocation.environment, "answering", ProgressBar::Unit::kItems);
  asio::steady_timer timer(io);
  bool done = false;
  int64_t next = 0;
  int64_t written = 0;
  BatchRun batch(router, state.model->limits,
                 {.next_line = [&]() -> std::optional<std::string> {
                    if (next == total) return std::nullopt;
                    return std::move(lines[static_cast<std::size_t>(next++)]);
                  },
                  .on_output =
                      [&](std::string_view line) {
                        bar.clear();
                        if (!output.write_line(line)) batch.stop();
                        bar.update(++written, total);
                      },
                  .on_done =
                      [&] {
                        done = true;
                        timer.cancel();
                      }});
  const InterruptScope interrupt(InterruptScope::Mode::kOnce);
  batch.start(io, kLinesPerRequest * session.engine->memory().max_reqs);
  asio::co_spawn(io, watch(interrupt, batch, timer, done), asio::detached);
  io.run();
  if (batch.failure()) std::rethrow_exception(batch.failure());
  return {.summary = batch.summary(), .interrupted = interrupt.interrupted()};
}

}  // namespace

Result<int> run_batch(const Invocation& invocation, const std::string& input,
                      const std::string& output_path) {
  const bool quiet = invocation.args.has("--quiet");
  TRY(lines, read_lines(input));
  TRY(output, OutputFile::open(output_path));
  TRY(session, open_session(invocation.environment, invocation.settings,
                            {.max_reqs = kRequestsAtATime, .quiet = quiet}));
  TRY_STATUS(output.clear());
  const Stopwatch stopwatch;
  const std::size_t total = lines.size();
  const Outcome outcome = answer_lines(invocation, session, lines, output);
  TRY_STATUS(output.finish());
  if (!quiet) {
    note(invocation.environment,
         fmt::format("load {:.2f} s, {} of {} answered in {:.2f} s", session.load_seconds,
                     outcome.summary.answered, counted(total, "request"), stopwatch.seconds()));
  }
  if (outcome.interrupted) return kExitInterrupted;
  if (outcome.summary.failed > 0) {
    return make_error(ErrorCode::kInvalidArgument,
                      "{} of {} could not be answered; \"error\" in their lines says why",
                      outcome.summary.failed, counted(total, "request"));
  }
  return kExitOk;
}

}  // namespace chitu::app
