#include "server/http_request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using State = RequestParser::State;
using ::testing::HasSubstr;

// Feeds `bytes` in pieces of `piece`, as a connection does; the unconsumed rest.
std::string feed_all(RequestParser& parser, std::string_view bytes, size_t piece) {
  std::string input;
  while (!bytes.empty()) {
    input += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    size_t taken = 0;
    do {
      taken = parser.feed(input);
      input.erase(0, taken);
    } while (taken > 0 && parser.state() != State::kDone && parser.state() != State::kFailed);
  }
  return input;
}

TEST(RequestParser, GivesTheSameInAnyPieces) {
  const std::string bytes =
      "\r\nPOST /v1/chat?a=b?c HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n4;e=1\r\n you\r\n0\r\nauthorization: "
      "z\r\n\r\n"
      "GET /next";
  for (const size_t piece : {1, 2, 3, 7, 50, 1000}) {
    RequestParser parser(1000, 1000);
    EXPECT_EQ(feed_all(parser, bytes, piece), "GET /next") << piece;
    ASSERT_EQ(parser.state(), State::kDone) << piece;
    const HttpRequest& request = parser.request();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v1/chat");
    EXPECT_EQ(request.query, "a=b?c");
    EXPECT_EQ(request.body, "hello you");
    EXPECT_EQ(request.headers.find("AUTHORIZATION"), "Bearer k");
    EXPECT_EQ(request.headers.count("authorization"), 1);
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(RequestParser, StopsBehindTheHeader) {
  RequestParser parser(1000, 1000);
  const std::string bytes = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab";
  EXPECT_EQ(parser.feed(bytes), bytes.size() - 2);
  EXPECT_EQ(parser.state(), State::kBody);
  EXPECT_EQ(parser.feed("abc"), 2u);
  EXPECT_EQ(parser.state(), State::kDone);
  EXPECT_EQ(parser.feed("more"), 0u);
}

TEST(RequestParser, TakesAbsoluteTargets) {
  for (const auto& [target, path] :
       {std::pair<std::string, std::string>{"http://host:80/a?q", "/a"},
        {"HTTPS://host", "/"},
        {"http://host?q", "/"}}) {
    RequestParser parser(1000, 1000);
    parser.feed("GET " + target + " HTTP/1.1\r\nhost: x\r\n\r\n");
    ASSERT_EQ(parser.state(), State::kDone) << target;
    EXPECT_EQ(parser.request().target, path);
  }
}

TEST(RequestParser, CountsTheWholeHeader) {
  const std::string line = "GET /" + std::string(60, 'a') + " HTTP/1.1\r\n";
  const std::string fields = "host: x\r\ny: " + std::string(60, 'b') + "\r\n\r\n";
  const auto whole = static_cast<int64_t>(line.size() + fields.size());
  for (const size_t piece : {1, 10, 1000}) {
    RequestParser enough(whole, 10);
    feed_all(enough, line + fields, piece);
    EXPECT_EQ(enough.state(), State::kDone);
    RequestParser little(whole - 1, 10);
    feed_all(little, line + fields, piece);
    ASSERT_EQ(little.state(), State::kFailed);
    EXPECT_EQ(little.error().status, 431);
  }
}

TEST(RequestParser, BoundsWhatSurroundsChunks) {
  const std::string header = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
  std::string extensions = header;
  for (int i = 0; i < 100; ++i) extensions += "1;x=" + std::string(100, 'a') + "\r\nb\r\n";
  const std::string line = header + "1;x=" + std::string(RequestParser::kMaxPending, 'a');
  const std::string trailer = header + "0\r\nx: " + std::string(RequestParser::kMaxPending, 'a');
  for (const std::string& bytes : {extensions, line, trailer}) {
    RequestParser parser(1000, 1000);
    feed_all(parser, bytes, 500);
    ASSERT_EQ(parser.state(), State::kFailed) << bytes.substr(header.size(), 20);
    EXPECT_EQ(parser.error().status, 400);
    EXPECT_THAT(parser.error().message, HasSubstr("malformed HTTP request"));
  }
}

}  // namespace
}  // namespace chitu
