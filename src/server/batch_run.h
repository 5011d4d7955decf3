// A batch file answered by a server's routes, without a network: every line as if it had been
// posted, several at a time, the answers in the order of the lines.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "server/openai_request.h"
#include "server/router.h"

namespace chitu {

class BatchExchange;
struct BatchLine;

struct BatchSummary {
  int64_t answered = 0;  // with 200
  int64_t failed = 0;
};

// Used on the io thread only.
class BatchRun {
 public:
  struct Callbacks {
    std::function<std::optional<std::string>()> next_line;  // nothing: the end of the input
    std::function<void(std::string_view line)> on_output;   // without the line feed
    std::function<void()> on_done;  // all lines are answered, or the run was stopped or has failed
  };

  // The router must outlive the object, which must outlive what it has begun.
  BatchRun(const Router& router, const RequestLimits& limits, Callbacks callbacks);
  ~BatchRun();
  BatchRun(const BatchRun&) = delete;
  BatchRun& operator=(const BatchRun&) = delete;

  // Answers `parallel` lines at a time, until there are no more.
  void start(asio::io_context& io, int64_t parallel);
  // Cancels what is being answered. Lines that are not answered by then have no output; those that
  // are get theirs. Callbacks may call it.
  void stop();

  const BatchSummary& summary() const { return summary_; }
  // What a callback or the reading of a line threw, which stopped the run; null: nothing did.
  std::exception_ptr failure() const { return failure_; }

 private:
  asio::awaitable<void> answer_lines();
  asio::awaitable<HttpResponse> answer(const BatchLine& line, int64_t number);
  void write(int64_t number, std::string_view custom_id, const HttpResponse& response);
  void write_finished();

  const Router& router_;
  const RequestLimits limits_;
  Callbacks callbacks_;
  BatchSummary summary_;
  int64_t num_lines_ = 0;    // taken from the input
  int64_t num_running_ = 0;  // of answer_lines()
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::unordered_set<BatchExchange*> exchanges_;
  std::map<int64_t, std::string> finished_;  // wait for a line before them; by number
  int64_t num_written_ = 0;
};

}  // namespace chitu
