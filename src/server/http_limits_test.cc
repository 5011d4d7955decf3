// Clients that are slow, greedy, gone, or do not speak HTTP: each costs itself only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <fstream>

#include "server/http_testing.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

asio::awaitable<void> hello(Exchange& exchange) {
  HttpResponse response;
  response.body = R"({"hello":1})";
  co_await exchange.respond(std::move(response));
}

asio::awaitable<void> echo(Exchange& exchange) {
  HttpResponse response;
  response.body = std::move(exchange.request().body);
  co_await exchange.respond(std::move(response));
}

Router routes() {
  Router router;
  router.add("GET", "/hello", hello);
  router.add("POST", "/echo", echo);
  return router;
}

bool works(const TestServer& server) {
  return TestClient(server.port()).get("/hello").status == 200;
}

// A route that sends nothing until its client leaves; `noticed` counts those.
Handler wait_for_disconnect(std::atomic<int>& entered, std::atomic<int>& noticed) {
  return [&](Exchange& exchange) -> asio::awaitable<void> {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    exchange.on_disconnect([&] {
      ++noticed;
      never.cancel();
    });
    ++entered;
    (void)co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
  };
}

// One that sends as long as its client takes it.
Handler flood(std::atomic<int>& ended) {
  return [&](Exchange& exchange) -> asio::awaitable<void> {
    const std::string block(64 << 10, 'x');
    if (co_await exchange.begin_stream("text/plain")) {
      while (co_await exchange.send(block)) {
      }
    }
    ++ended;
  };
}

void wait_for(const std::atomic<int>& value, int wanted) {
  while (value < wanted) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

TEST(HttpLimits, RefusesHugeHeaders) {
  TestServer server(routes());
  for (const std::string& request :
       {"GET /hello HTTP/1.1\r\nhost: localhost\r\nx: " + std::string(20'000, 'a') + "\r\n\r\n",
        "GET /" + std::string(20'000, 'a'), "GET /hello HTTP/1.1\r\n" + [] {
          std::string fields;
          for (int i = 0; i < 4000; ++i) fields += "a: b\r\n";
          return fields;
        }()}) {
    TestClient client(server.port());
    client.send(request);
    EXPECT_EQ(client.read_response().status, 431) << request.substr(0, 40);
    EXPECT_EQ(client.read_all(), "");
  }
  EXPECT_TRUE(works(server));
}

TEST(HttpLimits, RefusesHugeBodiesBeforeTheyCome) {
  TestServer server(routes(), {.limits = {.max_body_bytes = 1000}});
  for (const char* const length : {"1001", "9223372036854775807", "18446744073709551615"}) {
    TestClient client(server.port());
    client.send(std::string("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: ") + length +
                "\r\n\r\n");
    const TestResponse response = client.read_response();
    EXPECT_EQ(response.status, 413) << length;
    EXPECT_EQ(response.header("connection"), "close");
  }
  TestClient chunked(server.port());
  chunked.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) chunked.send("190\r\n" + std::string(400, 'x') + "\r\n");
  EXPECT_EQ(chunked.read_response().status, 413);
  EXPECT_TRUE(works(server));
}

// The client is in the middle of sending when it is refused, and reads the answer afterwards.
TEST(HttpLimits, DeliversTheRefusalOfABodyThatIsOnItsWay) {
  TestServer server(routes(), {.limits = {.max_body_bytes = 1000}});
  TestClient client(server.port());
  EXPECT_EQ(client.post("/echo", std::string(4 << 20, 'x')).status, 413);
}

TEST(HttpLimits, BoundsTheBodiesOfAllConnections) {
  std::atomic<int> entered = 0;
  std::atomic<int> noticed = 0;
  Router router = routes();
  router.add("POST", "/wait", wait_for_disconnect(entered, noticed));
  TestServer server(std::move(router), {.limits = {.max_total_body_bytes = 100'000}});
  const std::string body(60'000, 'x');
  {
    TestClient holder(server.port());
    holder.send("POST /wait HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60000\r\n\r\n" + body);
    wait_for(entered, 1);
    EXPECT_EQ(TestClient(server.port()).post("/echo", body).status, 503);
    EXPECT_EQ(TestClient(server.port()).post("/echo", "small").status, 200);
  }
  wait_for(noticed, 1);
  EXPECT_EQ(TestClient(server.port()).post("/echo", body).status, 200);
}

TEST(HttpLimits, RefusesWhatIsNotHttp) {
  TestServer server(routes());
  for (const std::string request :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "hello\r\n\r\n",
        "GET hello HTTP/1.1\r\nhost: localhost\r\n\r\n", "GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n"
        "transfer-encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip\r\n\r\n",
        "POST /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        "ffffffffffffffffff\r\n"}) {
    TestClient client(server.port());
    client.send(request);
    EXPECT_EQ(client.read_response().status, 400) << request;
    EXPECT_EQ(client.read_all(), "");
  }
  EXPECT_TRUE(works(server));
}

TEST(HttpLimits, EndsClientsThatSendSlowly) {
  TestServer server(routes(), {.limits = {.header_timeout_s = 0.1}});
  TestClient silent(server.port());
  EXPECT_EQ(silent.read_all(), "");  // nothing was asked, so nothing is said

  TestClient header(server.port());
  header.send("GET /hello HTTP/1.1\r\nhost: loc");
  EXPECT_EQ(header.read_response().status, 408);
  EXPECT_EQ(header.read_all(), "");

  TestClient body(server.port());
  body.send("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nabc");
  EXPECT_EQ(body.read_response().status, 408);
  EXPECT_EQ(server.stats().timed_out, 2);

  // One that sends a byte now and then gains no time by it.
  TestClient drip(server.port());
  const std::string request = "GET /hello HTTP/1.1\r\nhost: localhost\r\nx: ";
  drip.send(request);
  server.wait_until(
      [&](const ServerStats& stats) { return stats.timed_out == 3 || !drip.send("y"); });
  EXPECT_EQ(drip.read_response().status, 408);
}

TEST(HttpLimits, ClosesIdleConnections) {
  TestServer server(routes(), {.limits = {.idle_timeout_s = 0.05}});
  TestClient client(server.port());
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_EQ(client.read_all(), "");
}

TEST(HttpLimits, PutsOutAClientThatStopsReading) {
  std::atomic<int> ended = 0;
  Router router = routes();
  router.add("GET", "/flood", flood(ended));
  TestServer server(std::move(router),
                    {.limits = {.write_timeout_s = 0.1, .send_queue_bytes = 64 << 10}});
  TestClient client(server.port(), /*receive_buffer=*/4096);
  client.send("GET /flood HTTP/1.1\r\nhost: localhost\r\n\r\n");
  wait_for(ended, 1);
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 0; });
  EXPECT_EQ(server.stats().evicted, 1);
  EXPECT_TRUE(works(server));
}

TEST(HttpLimits, TellsAHandlerThatItsClientIsGone) {
  std::atomic<int> entered = 0;
  std::atomic<int> noticed = 0;
  TestServer server(one_route("POST", "/wait", wait_for_disconnect(entered, noticed)));
  for (const bool reset : {false, true}) {
    TestClient client(server.port());
    client.send("POST /wait HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}");
    wait_for(entered, reset ? 2 : 1);
    reset ? client.reset() : client.close();
    wait_for(noticed, reset ? 2 : 1);
  }
  // Behind the next request, too, which is never answered.
  TestClient pipelined(server.port());
  pipelined.send(
      "POST /wait HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}"
      "GET /none HTTP/1.1\r\nhost: localhost\r\n\r\n");
  wait_for(entered, 3);
  pipelined.close();
  wait_for(noticed, 3);
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 0; });
  EXPECT_EQ(server.stats().disconnected, 3);
}

TEST(HttpLimits, EndsAStreamWhoseClientLeaves) {
  std::atomic<int> ended = 0;
  TestServer server(one_route("GET", "/flood", flood(ended)));
  TestClient client(server.port());
  client.send("GET /flood HTTP/1.1\r\nhost: localhost\r\n\r\n");
  client.close();
  wait_for(ended, 1);
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 0; });
  EXPECT_EQ(server.stats().evicted, 0);
}

TEST(HttpLimits, TellsConnectionsThatAreTooMany) {
  std::atomic<int> entered = 0;
  std::atomic<int> noticed = 0;
  Router router = routes();
  router.add("GET", "/wait", wait_for_disconnect(entered, noticed));
  TestServer server(std::move(router), {.limits = {.max_connections = 2}});
  TestClient first(server.port());
  first.send("GET /wait HTTP/1.1\r\nhost: localhost\r\n\r\n");
  {
    TestClient second(server.port());
    second.send("GET /wait HTTP/1.1\r\nhost: localhost\r\n\r\n");
    wait_for(entered, 2);
    TestClient third(server.port());
    const TestResponse refused = third.get("/hello");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("retry-after"), "1");
    // The client comes again on another connection, which may be one that is served.
    EXPECT_EQ(refused.header("connection"), "close");
    EXPECT_EQ(third.read_all(), "");
  }
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 1; });
  EXPECT_TRUE(works(server));
  EXPECT_EQ(server.stats().connections_refused, 1);
  EXPECT_EQ(server.stats().responses, (std::map<int, int64_t>{{200, 1}, {503, 1}}));
}

TEST(HttpLimits, MakesRoomByTheConnectionThatIsIdleLongest) {
  TestServer server(routes(), {.limits = {.max_connections = 3}});
  TestClient silent(server.port());  // has not asked yet, and is not to be cut off while it begins
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 1; });
  TestClient old(server.port());
  EXPECT_EQ(old.get("/hello").status, 200);
  TestClient young(server.port());
  EXPECT_EQ(young.get("/hello").status, 200);
  EXPECT_TRUE(works(server));
  EXPECT_EQ(old.read_all(), "");
  EXPECT_EQ(young.get("/hello").status, 200);
  EXPECT_EQ(silent.get("/hello").status, 200);
  EXPECT_EQ(server.stats().connections_refused, 0);
}

// What the server's one thread did for others is not its client's slowness.
TEST(HttpLimits, BlamesNoClientForABusyServer) {
  std::atomic<int> ended = 0;
  std::atomic<bool> whole = false;
  TestServer server(one_route("GET", "/slow",
                              [&](Exchange& exchange) -> asio::awaitable<void> {
                                const auto executor = co_await asio::this_coro::executor;
                                bool sent = co_await exchange.begin_stream("text/plain");
                                for (int i = 0; sent && i < 20; ++i) {
                                  asio::post(executor, [] {
                                    std::this_thread::sleep_for(std::chrono::milliseconds(50));
                                  });
                                  sent = co_await exchange.send("x");
                                }
                                sent = sent && co_await exchange.send(std::string(1 << 20, 'y'));
                                if (sent) co_await exchange.end_stream();
                                whole = sent;
                                ++ended;
                              }),
                    {.limits = {.write_timeout_s = 0.5, .send_queue_bytes = 64 << 10}});
  TestClient client(server.port(), /*receive_buffer=*/4096);
  client.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n");
  EXPECT_TRUE(client.read_response().whole);
  wait_for(ended, 1);
  EXPECT_TRUE(whole);
  EXPECT_EQ(server.stats().evicted, 0);
}

TEST(HttpLimits, ForgetsConnectionsThatAreDropped) {
  TestServer server(routes());
  for (int i = 0; i < 1000; ++i) {
    TestClient client(server.port());
    ASSERT_TRUE(client.connected());
    if (i % 4 == 1) client.send("GET /hel");
    if (i % 4 == 2) client.send("GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n");
    if (i % 4 == 3) client.reset();
  }
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 0; });
  EXPECT_TRUE(works(server));
}

TEST(HttpLimits, StopsWithGrace) {
  std::atomic<int> entered = 0;
  std::atomic<int> noticed = 0;
  std::atomic<bool> released = false;
  Router router = routes();
  router.add("POST", "/wait", wait_for_disconnect(entered, noticed));
  router.add("GET", "/slow", [&](Exchange& exchange) -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    ++entered;
    while (!released) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
    co_await hello(exchange);
  });
  TestServer server(std::move(router));
  TestClient idle(server.port());
  EXPECT_EQ(idle.get("/hello").status, 200);
  TestClient unused(server.port());
  server.wait_until([](const ServerStats& stats) { return stats.connections_open == 2; });
  TestClient slow(server.port());
  slow.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n");
  TestClient stuck(server.port());
  stuck.send("POST /wait HTTP/1.1\r\nhost: localhost\r\n\r\n");
  wait_for(entered, 2);

  server.stop_accepting();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(unused.read_all(), "");
  EXPECT_FALSE(TestClient(server.port()).connected());
  released = true;
  const TestResponse response = slow.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_EQ(noticed, 0);
  server.close_all();
  wait_for(noticed, 1);
  EXPECT_EQ(stuck.read_all(), "");
}

// What a handler leaves behind when the program ends under it is destroyed with the io_context.
TEST(HttpLimits, EndsUnderHandlersThatWait) {
  std::atomic<int> entered = 0;
  asio::io_context io;
  HttpServer server(io, {},
                    one_route("GET", "/wait",
                              [&](Exchange&) -> asio::awaitable<void> {
                                asio::steady_timer never(co_await asio::this_coro::executor,
                                                         asio::steady_timer::time_point::max());
                                ++entered;
                                co_await never.async_wait(asio::use_awaitable);
                              }),
                    {}, {}, nullptr);
  const auto port = server.listen("127.0.0.1", 0);
  ASSERT_TRUE(port.ok());
  std::thread thread([&] { io.run(); });
  TestClient client(*port);
  client.send("GET /wait HTTP/1.1\r\nhost: localhost\r\n\r\n");
  wait_for(entered, 1);
  io.stop();
  thread.join();
}

TEST(HttpLimits, LogsEveryRequest) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "chitu_access_test.log";
  std::filesystem::remove(path);
  {
    auto log = AccessLog::open(path);
    ASSERT_TRUE(log.ok());
    std::atomic<int> entered = 0;
    std::atomic<int> noticed = 0;
    Router router = routes();
    router.add("GET", "/wait", wait_for_disconnect(entered, noticed));
    TestServer server(std::move(router), {.log = std::move(*log)});
    TestClient client(server.port());
    EXPECT_EQ(client.get("/hello?key=secret", "x-request-id: one\r\n").status, 200);
    EXPECT_EQ(client.get("/none", "x-request-id: two\r\n").status, 404);
    client.send("GET /wait HTTP/1.1\r\nhost: localhost\r\nx-request-id: three\r\n\r\n");
    wait_for(entered, 1);
    client.close();
    wait_for(noticed, 1);
    TestClient garbage(server.port());
    garbage.send("\x01\x02 \r\n\r\n");
    EXPECT_EQ(garbage.read_response().status, 400);
    server.wait_until([](const ServerStats& stats) { return stats.connections_open <= 1; });
  }
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text, HasSubstr(R"("id":"one","peer":"127.0.0.1:)"));
  EXPECT_THAT(text, HasSubstr(R"("method":"GET","path":"/hello","status":200,"bytes":)"));
  EXPECT_THAT(text, HasSubstr(R"("path":"/none","status":404)"));
  EXPECT_THAT(text, HasSubstr(R"("path":"/wait","status":0,"bytes":0)"));
  EXPECT_THAT(text, HasSubstr(R"("end":"disconnected")"));
  EXPECT_THAT(text, HasSubstr(R"("status":400)"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

}  // namespace
}  // namespace chitu
