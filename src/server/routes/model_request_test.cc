#include "server/routes/model_request.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <thread>

namespace chitu {
namespace {

class FakeExchange : public Exchange {
 public:
  HttpRequest& request() override { return request_; }
  asio::awaitable<void> respond(HttpResponse) override { co_return; }
  asio::awaitable<bool> begin_stream(std::string) override { co_return false; }
  asio::awaitable<bool> send(std::string_view) override { co_return false; }
  asio::awaitable<void> end_stream() override { co_return; }
  void on_disconnect(std::function<void()> callback) override { callback_ = std::move(callback); }
  bool disconnected() const override { return disconnected_; }

  void disconnect() {
    disconnected_ = true;
    callback_();
  }

 private:
  HttpRequest request_{.body = "{}"};
  std::function<void()> callback_;
  bool disconnected_ = false;
};

std::atomic<int>& num_read() {
  static std::atomic<int> number{0};
  return number;
}
ApiResult<int> count(const ServedModel&, const json::Object&) { return ++num_read(); }

asio::awaitable<void> wait_for(ServerState& state, const std::shared_future<void>& event) {
  const auto work = [&event] {
    event.wait();
    return 0;
  };
  co_await state.worker.run(work);
}

asio::awaitable<void> read(Exchange& exchange, ServerState& state, std::optional<int>& result) {
  result = co_await read_request(exchange, state, count);
}

TEST(ReadRequest, DoesNotReadForAClientThatLeft) {
  asio::io_context io;
  ServerState state(io, "m", {});
  state.model.emplace();
  std::promise<void> go_on;
  const std::shared_future<void> event = go_on.get_future().share();
  FakeExchange leaves;
  FakeExchange stays;
  std::optional<int> of_leaving;
  std::optional<int> of_staying;
  asio::co_spawn(io, wait_for(state, event), asio::detached);
  asio::co_spawn(io, read(leaves, state, of_leaving), asio::detached);
  asio::co_spawn(io, read(stays, state, of_staying), asio::detached);
  io.poll();  // the worker has all three, and waits in the first
  leaves.disconnect();
  go_on.set_value();
  io.run();
  EXPECT_EQ(num_read(), 1);
  EXPECT_FALSE(of_leaving.has_value());
  EXPECT_EQ(of_staying, 1);
}

asio::awaitable<void> make(ServerState& state, bool large, std::thread::id& thread,
                           std::string& body) {
  const auto work = [&thread] {
    thread = std::this_thread::get_id();
    return std::string("body");
  };
  body = co_await make_body(state, large, work);
}

TEST(MakeBody, LeavesTheThreadOfTheNetworkWhenItIsLarge) {
  for (const bool large : {false, true}) {
    asio::io_context io;
    ServerState state(io, "m", {});
    std::thread::id thread;
    std::string body;
    asio::co_spawn(io, make(state, large, thread, body), asio::detached);
    io.run();
    EXPECT_EQ(body, "body");
    EXPECT_EQ(thread != std::this_thread::get_id(), large);
  }
}

TEST(CacheSaltOf, TellsKeysApart) {
  ServedModel model;
  const auto salt = [&](const char* authorization, std::string_view asked) {
    HttpRequest request;
    if (authorization != nullptr) request.headers.add("authorization", authorization);
    return cache_salt_of(model, request, asked);
  };
  EXPECT_EQ(salt("Bearer a", "s"), "s");
  EXPECT_EQ(salt(nullptr, ""), "");
  model.cache_per_key = true;
  EXPECT_NE(salt("Bearer a", "s"), salt("Bearer b", "s"));
  EXPECT_NE(salt("Bearer a", "s"), salt("Bearer a", ""));
  EXPECT_EQ(salt("Bearer a", "s"), salt("bearer  a", "s"));
  // No salt that a client asks for is another's.
  EXPECT_NE(salt("Bearer a", salt("Bearer b", "")), salt("Bearer b", ""));
}

}  // namespace
}  // namespace chitu
