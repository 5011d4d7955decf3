#include "server/http_head.h"

#include <gtest/gtest.h>

#include "server/http_types.h"
#include "server/sse.h"

namespace chitu {
namespace {

TEST(ResponseHead, IsByteExact) {
  const std::vector<std::pair<std::string, std::string>> headers{{"retry-after", "1"},
                                                                 {"bad", "a\r\nset-cookie: x"}};
  EXPECT_EQ(
      response_head({.status = 429,
                     .content_type = "application/json",
                     .content_length = 12,
                     .close = true,
                     .request_id = "req-1",
                     .headers = &headers},
                    784111777),
      "HTTP/1.1 429 Too Many Requests\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "server: chitu\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\n"
      "content-length: 12\r\nconnection: close\r\nx-request-id: req-1\r\nretry-after: 1\r\n\r\n");
}

TEST(ErrorResponse, FollowsOpenAi) {
  EXPECT_EQ(error_response({.status = 400, .message = "n: \"x\"", .param = "n"}).body,
            R"({"error":{"message":"n: \"x\"","type":"invalid_request_error","param":"n",)"
            R"("code":null}})");
  const HttpResponse busy = error_response({.status = 503, .message = "m", .code = "c"});
  EXPECT_EQ(busy.body,
            R"({"error":{"message":"m","type":"server_error","param":null,"code":"c"}})");
  ASSERT_EQ(busy.headers.size(), 1u);
  EXPECT_EQ(busy.headers[0].first, "retry-after");
}

TEST(Sse, EncodesLines) {
  std::string out;
  append_sse_event("{\"a\":1}", out);
  append_sse_event("two\nlines", out);
  append_sse_event("", out);
  EXPECT_EQ(out, "data: {\"a\":1}\n\ndata: two\ndata: lines\n\ndata: \n\n");
}

}  // namespace
}  // namespace chitu
