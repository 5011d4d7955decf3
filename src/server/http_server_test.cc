// Requests and answers of well-behaved clients, and what handlers may do.
#include "server/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

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
  response.content_type = "application/octet-stream";
  response.body = std::move(exchange.request().body);
  co_await exchange.respond(std::move(response));
}

asio::awaitable<void> item(Exchange& exchange) {
  HttpResponse response;
  response.body = exchange.request().path_parameter + "?" + exchange.request().query;
  co_await exchange.respond(std::move(response));
}

asio::awaitable<void> stream(Exchange& exchange) {
  if (!co_await exchange.begin_stream("text/event-stream")) co_return;
  for (const std::string_view part : {"one ", "", "two ", "three"}) {
    if (!co_await exchange.send(part)) co_return;
  }
  co_await exchange.end_stream();
}

asio::awaitable<void> fail(Exchange&) {
  throw std::runtime_error("/secret/path broke at 0x7f00");
  co_return;
}

asio::awaitable<void> fail_late(Exchange& exchange) {
  (void)co_await exchange.begin_stream("text/plain");
  (void)co_await exchange.send("part");
  throw std::bad_alloc();
}

asio::awaitable<void> no_answer(Exchange&) { co_return; }

Router routes() {
  Router router;
  router.add("GET", "/hello", hello);
  router.add("POST", "/echo", echo);
  router.add("GET", "/items/{name}", item);
  router.add("GET", "/stream", stream);
  router.add("GET", "/fail", fail);
  router.add("GET", "/fail-late", fail_late);
  router.add("GET", "/no-answer", no_answer);
  router.add("POST", "/stop", hello, Access::kAdmin);
  return router;
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  TestServer server(routes());
  TestClient client(server.port());
  const TestResponse first = client.get("/hello");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, R"({"hello":1})");
  EXPECT_EQ(first.header("content-type"), "application/json");
  EXPECT_EQ(first.header("connection"), std::nullopt);
  EXPECT_THAT(first.header("date").value_or(""), HasSubstr("gmt"));
  EXPECT_THAT(first.header("x-request-id").value_or(""), HasSubstr("req-"));
  const TestResponse second = client.post("/echo", "some body");
  EXPECT_EQ(second.body, "some body");
  EXPECT_NE(second.header("x-request-id"), first.header("x-request-id"));
  EXPECT_EQ(client.get("/items/a%20b/c?x=%20").body, "a b/c?x=%20");
  EXPECT_EQ(server.stats().connections_accepted, 1);
  EXPECT_EQ(server.stats().requests, 3);
}

TEST(HttpServer, TakesAReasonableRequestIdOver) {
  TestServer server(routes());
  TestClient client(server.port());
  EXPECT_EQ(client.get("/hello", "x-request-id: trace-1.b_2\r\n").header("x-request-id"),
            "trace-1.b_2");
  for (const std::string& id : {std::string("a b"), std::string("\"x\""), std::string(65, 'a')}) {
    EXPECT_NE(client.get("/hello", "X-Request-Id: " + id + "\r\n").header("x-request-id"), id);
  }
}

TEST(HttpServer, ReadsLargeBodies) {
  TestServer server(routes());
  TestClient client(server.port());
  std::string body(3 << 20, 'x');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 4096);
  const TestResponse response = client.post("/echo", body);
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.body == body);
}

TEST(HttpServer, ReadsChunkedBodies) {
  TestServer server(routes());
  TestClient client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
      "3;name=value\r\nabc\r\n0a\r\n0123456789\r\n0\r\nauthorization: ignored\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "abc0123456789");
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  TestServer server(routes());
  TestClient client(server.port());
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests += "GET /items/" + std::to_string(i) + " HTTP/1.1\r\nhost: localhost\r\n\r\n";
  }
  client.send(requests);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(client.read_response().body, std::to_string(i) + "?");
  }
}

TEST(HttpServer, TakesRequestsByteByByte) {
  TestServer server(routes());
  TestClient client(server.port());
  for (const char byte :
       std::string("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc")) {
    ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
  }
  EXPECT_EQ(client.read_response().body, "abc");
}

TEST(HttpServer, AnswersHeadWithoutTheBody) {
  TestServer server(routes());
  TestClient client(server.port());
  client.send("HEAD /hello HTTP/1.1\r\nhost: localhost\r\n\r\n");
  const TestResponse head = client.read_response(/*has_body=*/false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "11");
  client.send("HEAD /stream HTTP/1.1\r\nhost: localhost\r\n\r\n");
  EXPECT_EQ(client.read_response(/*has_body=*/false).status, 200);
  EXPECT_EQ(client.get("/hello").body, R"({"hello":1})");
}

TEST(HttpServer, Streams) {
  TestServer server(routes());
  TestClient client(server.port());
  const TestResponse response = client.get("/stream");
  EXPECT_EQ(response.body, "one two three");
  EXPECT_TRUE(response.whole);
  EXPECT_EQ(response.header("content-type"), "text/event-stream");
  EXPECT_EQ(response.header("cache-control"), "no-cache");
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(HttpServer, SpeaksHttp10) {
  TestServer server(routes());
  {
    TestClient client(server.port());
    client.send("GET /hello HTTP/1.0\r\n\r\n");
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, HasSubstr("connection: close"));
    EXPECT_THAT(answer, ::testing::EndsWith(R"({"hello":1})"));
  }
  {
    TestClient client(server.port());
    client.send("GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\none two three"));
    EXPECT_THAT(answer, Not(HasSubstr("chunked")));
  }
  TestClient client(server.port());
  client.send("GET /hello HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.read_response().header("connection"), "keep-alive");
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_response().header("connection"), "close");
}

TEST(HttpServer, ClosesWhereTheClientAsksForIt) {
  TestServer server(routes());
  TestClient client(server.port());
  EXPECT_EQ(client.get("/hello", "connection: close\r\n").header("connection"), "close");
  EXPECT_EQ(client.read_all(), "");
}

TEST(HttpServer, AnswersAClientThatEndsItsOutput) {
  TestServer server(routes());
  TestClient client(server.port());
  client.send("GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n");
  client.end_writing();
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(client.read_all(), "");
}

TEST(HttpServer, AsksForABodyThatWaits) {
  TestServer server(routes());
  TestClient client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: "
      "3\r\n\r\n");
  EXPECT_EQ(client.read_response(/*has_body=*/false).status, 100);
  client.send("abc");
  EXPECT_EQ(client.read_response().body, "abc");
  // Once, also when the size of a chunk comes by itself.
  client.send(
      "POST /echo HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n"
      "transfer-encoding: chunked\r\n\r\n");
  EXPECT_EQ(client.read_response(/*has_body=*/false).status, 100);
  client.send("3\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  client.send("abc\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "abc");
  // Not for one that is refused anyway.
  client.send(
      "POST /none HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: "
      "3\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 404);
}

TEST(HttpServer, NamesUnknownPathsAndMethods) {
  TestServer server(routes());
  TestClient client(server.port());
  const TestResponse missing = client.get("/none");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr(R"({"error":{"message":)"));
  const TestResponse method = client.post("/hello", "");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.header("allow"), "get, head");
  EXPECT_EQ(client.get("/items/").status, 404);
}

TEST(HttpServer, SurvivesHandlersThatFail) {
  TestServer server(routes());
  TestClient client(server.port());
  const TestResponse failed = client.get("/fail");
  EXPECT_EQ(failed.status, 500);
  EXPECT_THAT(failed.body, HasSubstr(failed.header("x-request-id").value_or("none")));
  EXPECT_THAT(failed.body, Not(HasSubstr("secret")));
  EXPECT_THAT(server.failures(), HasSubstr("/secret/path broke"));
  EXPECT_EQ(client.get("/no-answer").status, 500);
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_EQ(server.stats().failed, 2);
}

TEST(HttpServer, CutsAStreamWhoseHandlerFails) {
  TestServer server(routes());
  TestClient client(server.port());
  const TestResponse response = client.get("/fail-late");
  EXPECT_EQ(response.body, "part");
  EXPECT_FALSE(response.whole);
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(TestClient(server.port()).get("/hello").status, 200);
}

TEST(HttpServer, WantsAKeyOnAllPaths) {
  TestServer server(routes(),
                    {.auth = {.api_keys = {"first", "second"}, .admin_key = "the-admin"}});
  for (const std::string path : {"/hello", "/none", "/stop", "/"}) {
    TestClient client(server.port());
    EXPECT_EQ(client.get(path).status, 401) << path;
    const TestResponse wrong = client.get(path, "authorization: Bearer firs\r\n");
    EXPECT_EQ(wrong.status, 401) << path;
    EXPECT_THAT(wrong.body, HasSubstr("invalid_api_key"));
  }
  TestClient client(server.port());
  EXPECT_EQ(client.get("/hello", "authorization: Bearer second\r\n").status, 200);
  EXPECT_EQ(client.get("/none", "Authorization: bearer first\r\n").status, 404);
  EXPECT_EQ(client.post("/stop", "", "authorization: Bearer first\r\n").status, 403);
  EXPECT_EQ(client.post("/stop", "", "authorization: Bearer the-admin\r\n").status, 200);
  EXPECT_EQ(client.get("/hello", "authorization: Bearer the-admin\r\n").status, 200);
}

TEST(HttpServer, HasNoAdministratorWithoutAnAdminKey) {
  TestServer server(routes());
  TestClient client(server.port());
  EXPECT_EQ(client.post("/stop", "").status, 403);
  EXPECT_EQ(client.post("/stop", "", "authorization: Bearer \r\n").status, 403);
}

TEST(HttpServer, RefusesPagesOfOtherOriginsAndForeignHosts) {
  TestServer server(routes());
  TestClient client(server.port());
  EXPECT_EQ(client.post("/echo", "x", "origin: https://evil.example\r\n").status, 403);
  EXPECT_EQ(client.get("/hello", "origin: http://localhost\r\n").status, 200);
  client.send("GET /hello HTTP/1.1\r\nhost: rebound.example:80\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 403);
}

TEST(HttpServer, LetsListedOriginsIn) {
  TestServer server(routes(), {.auth = {.cors_origins = {"https://chat.example"}}});
  TestClient client(server.port());
  const TestResponse response = client.get("/hello", "origin: https://chat.example\r\n");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("access-control-allow-origin"), "https://chat.example");
  client.send(
      "OPTIONS /echo HTTP/1.1\r\nhost: localhost\r\norigin: https://chat.example\r\n"
      "access-control-request-method: POST\r\naccess-control-request-headers: x-a, x-b\r\n\r\n");
  const TestResponse preflight = client.read_response(/*has_body=*/false);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("access-control-allow-methods"), "post");
  EXPECT_EQ(preflight.header("access-control-allow-headers"), "x-a, x-b");
  EXPECT_EQ(
      client.get("/none", "origin: https://chat.example\r\n").header("access-control-allow-origin"),
      "https://chat.example");
}

TEST(HttpServer, SaysWhyItCannotListen) {
  asio::io_context io;
  HttpServer server(io, {}, Router(), {}, {}, nullptr);
  const auto nowhere = server.listen("192.0.2.1", 0);  // an address for documentation
  ASSERT_FALSE(nowhere.ok());
  EXPECT_THAT(nowhere.error().message, HasSubstr("192.0.2.1"));
  const auto port = server.listen("localhost", 0);
  ASSERT_TRUE(port.ok());
  HttpServer other(io, {}, Router(), {}, {}, nullptr);
  EXPECT_TRUE(other.listen("::", 0).ok() || other.listen("0.0.0.0", 0).ok());
}

}  // namespace
}  // namespace chitu
