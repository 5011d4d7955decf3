#include "server/batch_run.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>
#include <variant>
#include <vector>

#include "server/api_result.h"
#include "server/batch_file.h"

namespace chitu {

// A request whose client is the batch: it is there until the run is stopped.
class BatchExchange : public Exchange {
 public:
  explicit BatchExchange(HttpRequest request) : request_(std::move(request)) {}

  HttpRequest& request() override { return request_; }
  asio::awaitable<void> respond(HttpResponse response) override {
    response_ = std::move(response);
    co_return;
  }
  // A batch has no streams.
  asio::awaitable<bool> begin_stream(std::string) override { co_return false; }
  asio::awaitable<bool> send(std::string_view) override { co_return false; }
  asio::awaitable<void> end_stream() override { co_return; }
  void on_disconnect(std::function<void()> callback) override {
    callback_ = std::move(callback);
    if (disconnected_) disconnect();
  }
  bool disconnected() const override { return disconnected_; }

  void disconnect() {
    disconnected_ = true;
    if (const auto callback = std::exchange(callback_, {})) callback();
  }
  std::optional<HttpResponse> take_response() { return std::move(response_); }

 private:
  HttpRequest request_;
  std::optional<HttpResponse> response_;
  std::function<void()> callback_;
  bool disconnected_ = false;
};

BatchRun::BatchRun(const Router& router, const RequestLimits& limits, Callbacks callbacks)
    : router_(router), limits_(limits), callbacks_(std::move(callbacks)) {}

BatchRun::~BatchRun() = default;

void BatchRun::start(asio::io_context& io, int64_t parallel) {
  num_running_ = parallel;
  for (int64_t i = 0; i < parallel; ++i) {
    asio::co_spawn(io, answer_lines(), [this](std::exception_ptr thrown) {
      if (thrown && !failure_) {
        failure_ = std::move(thrown);
        stop();
      }
      if (--num_running_ == 0) callbacks_.on_done();
    });
  }
}

void BatchRun::stop() {
  stopped_ = true;
  // Answers that wait for a line before them are whole. What has failed may be the output.
  if (!failure_) write_finished();
  const std::vector<BatchExchange*> exchanges(exchanges_.begin(), exchanges_.end());
  for (BatchExchange* exchange : exchanges) exchange->disconnect();
}

asio::awaitable<void> BatchRun::answer_lines() {
  while (!stopped_) {
    const std::optional<std::string> text = callbacks_.next_line();
    if (!text) break;
    const int64_t number = ++num_lines_;
    const auto read = read_batch_line(*text, limits_);
    if (const auto* refused = std::get_if<BatchLineError>(&read)) {
      write(number, refused->custom_id, error_response(refused->error));
      continue;
    }
    const auto& line = std::get<BatchLine>(read);
    const HttpResponse response = co_await answer(line, number);
    if (!stopped_) write(number, line.custom_id, response);
  }
}

asio::awaitable<HttpResponse> BatchRun::answer(const BatchLine& line, int64_t number) {
  const Route* route = router_.find("POST", line.url);
  if (route == nullptr) {
    HttpError error;
    error.status = 404;
    error.message = line.url + ": there is no such route";
    co_return error_response(error);
  }
  HttpRequest request;
  request.method = "POST";
  request.target = line.url;
  request.body = line.body;
  request.id = fmt::format("req_{}", number);
  BatchExchange exchange(std::move(request));
  exchanges_.insert(&exchange);
  std::string failure;
  try {
    co_await route->handler(exchange);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  exchanges_.erase(&exchange);
  if (!failure.empty()) co_return error_response(internal_error(failure));
  if (std::optional<HttpResponse> response = exchange.take_response())
    co_return *std::move(response);
  co_return error_response(internal_error("there was no answer"));
}

void BatchRun::write(int64_t number, std::string_view custom_id, const HttpResponse& response) {
  constexpr int kOk = 200;
  ++(response.status == kOk ? summary_.answered : summary_.failed);
  finished_.emplace(number, batch_output_line(number, custom_id, response));
  write_finished();
}

void BatchRun::write_finished() {
  while (!finished_.empty() && (stopped_ || finished_.begin()->first == num_written_ + 1)) {
    const auto first = finished_.extract(finished_.begin());  // on_output may stop the run
    num_written_ = first.key();
    callbacks_.on_output(first.mapped());
  }
}

}  // namespace chitu
