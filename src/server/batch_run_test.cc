#include "server/batch_run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <stdexcept>

namespace chitu {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string line(std::string_view id, std::string_view body) {
  return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/completions","body":{}}})",
                     id, body);
}

class BatchRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    on_output_ = [this](std::string_view text) { output_.emplace_back(text); };
  }

  // Runs the lines through a route and returns those of the output.
  std::vector<std::string> run(std::vector<std::string> lines, Handler handler, int64_t parallel) {
    Router router;
    router.add("POST", "/v1/completions", std::move(handler));
    size_t next = 0;
    BatchRun batch(router, {},
                   {.next_line = [&]() -> std::optional<std::string> {
                      if (next == lines.size()) return std::nullopt;
                      return lines[next++];
                    },
                    .on_output = on_output_,
                    .on_done = [&] { ++done_; }});
    batch_ = &batch;
    batch.start(io_, parallel);
    io_.run();
    summary_ = batch.summary();
    failure_ = batch.failure();
    return output_;
  }

  asio::io_context io_;
  BatchRun* batch_ = nullptr;
  BatchSummary summary_;
  std::function<void(std::string_view)> on_output_;
  std::vector<std::string> output_;
  std::exception_ptr failure_;
  int done_ = 0;
};

TEST_F(BatchRunTest, AnswersInTheOrderOfTheLines) {
  int running = 0;
  int most_running = 0;
  int64_t wait_ms = 30;
  // Each takes less time than the one before it.
  const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
    most_running = std::max(most_running, ++running);
    asio::steady_timer timer(io_, std::chrono::milliseconds(wait_ms -= 10));
    co_await timer.async_wait(asio::use_awaitable);
    --running;
    HttpResponse response;
    response.body = exchange.request().body;
    co_await exchange.respond(std::move(response));
  };
  const auto output = run(
      {line("a", "{\"x\":1}"), line("b", "{\"x\":2}"), "{}", line("c", "{\"x\":3}")}, handler, 2);
  ASSERT_THAT(output, SizeIs(4));
  EXPECT_THAT(output[0], HasSubstr(R"("custom_id":"a","response":{"status_code":200)"));
  EXPECT_THAT(output[0], HasSubstr(R"("body":{"x":1})"));
  EXPECT_THAT(output[1], HasSubstr(R"("body":{"x":2})"));
  EXPECT_THAT(output[2], HasSubstr(R"("custom_id":null,"response":{"status_code":400)"));
  EXPECT_THAT(output[3], HasSubstr(R"("id":"batch_req_4","custom_id":"c")"));
  EXPECT_EQ(most_running, 2);
  EXPECT_EQ(summary_.answered, 3);
  EXPECT_EQ(summary_.failed, 1);
  EXPECT_EQ(done_, 1);
}

TEST_F(BatchRunTest, AnExceptionFailsItsLineAlone) {
  const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
    if (exchange.request().id == "req_1") throw std::runtime_error("broken");
    HttpResponse response;
    response.body = "{}";
    co_await exchange.respond(std::move(response));
  };
  const auto output = run({line("a", "{}"), line("b", "{}")}, handler, 1);
  ASSERT_THAT(output, SizeIs(2));
  EXPECT_THAT(output[0], HasSubstr(R"("status_code":500)"));
  EXPECT_THAT(output[1], HasSubstr(R"("status_code":200)"));
}

TEST_F(BatchRunTest, StoppingDisconnectsWhatRuns) {
  const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
    asio::steady_timer timer(io_, std::chrono::hours(1));
    exchange.on_disconnect([&timer] { timer.cancel(); });
    asio::post(io_, [this] { batch_->stop(); });
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  };
  EXPECT_THAT(run({line("a", "{}"), line("b", "{}"), line("c", "{}")}, handler, 2), IsEmpty());
  EXPECT_EQ(done_, 1);
}

TEST_F(BatchRunTest, StoppingWritesWhatIsAnswered) {
  // The first waits until it is stopped, which comes after the answers to the others.
  const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
    if (exchange.request().id == "req_1") {
      asio::steady_timer timer(io_, std::chrono::hours(1));
      exchange.on_disconnect([&timer] { timer.cancel(); });
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      co_return;
    }
    if (exchange.request().id == "req_3") asio::post(io_, [this] { batch_->stop(); });
    HttpResponse response;
    response.body = "{}";
    co_await exchange.respond(std::move(response));
  };
  const auto output = run({line("a", "{}"), line("b", "{}"), line("c", "{}")}, handler, 2);
  ASSERT_THAT(output, SizeIs(2));
  EXPECT_THAT(output[0], HasSubstr(R"("custom_id":"b")"));
  EXPECT_THAT(output[1], HasSubstr(R"("custom_id":"c")"));
  EXPECT_EQ(summary_.answered, 2);
  EXPECT_FALSE(failure_);
}

TEST_F(BatchRunTest, AnOutputThatFailsEndsTheRun) {
  on_output_ = [](std::string_view) { throw std::runtime_error("full"); };
  int answered = 0;
  const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
    ++answered;
    HttpResponse response;
    co_await exchange.respond(std::move(response));
  };
  run({line("a", "{}"), line("b", "{}"), line("c", "{}"), line("d", "{}")}, handler, 2);
  EXPECT_EQ(done_, 1);
  EXPECT_LT(answered, 4);
  ASSERT_TRUE(failure_);
  EXPECT_THROW(std::rethrow_exception(failure_), std::runtime_error);
}

TEST_F(BatchRunTest, AnOutputMayStopTheRun) {
  on_output_ = [this](std::string_view text) {
    output_.emplace_back(text);
    batch_->stop();
  };
  const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
    HttpResponse response;
    co_await exchange.respond(std::move(response));
  };
  EXPECT_THAT(run({line("a", "{}"), line("b", "{}"), line("c", "{}")}, handler, 1), SizeIs(1));
  EXPECT_EQ(done_, 1);
}

}  // namespace
}  // namespace chitu
