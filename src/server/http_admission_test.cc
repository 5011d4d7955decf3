#include "server/http_admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    const Handler nothing = [](Exchange&) -> asio::awaitable<void> { co_return; };
    router_.add("POST", "/v1/chat", nothing);
    router_.add("GET", "/v1/models/{id}", nothing);
  }

  // The status of the refusal; 0 for none.
  int status(HttpRequest request) {
    const Authenticator authenticator(auth_);
    const Admission admission = admit(request, {.router = router_,
                                                .authenticator = authenticator,
                                                .cors_origins = auth_.cors_origins,
                                                .listen_host = "gpu-box",
                                                .loopback = loopback_,
                                                .tls = tls_});
    EXPECT_NE(admission.refusal.has_value(), admission.route != nullptr);
    last_parameter_ = request.path_parameter;
    cors_ = !admission.cors_headers.empty();
    return admission.refusal ? admission.refusal->status : 0;
  }
  int post(const std::vector<std::pair<std::string, std::string>>& fields) {
    HttpRequest request{.method = "POST", .target = "/v1/chat"};
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    return status(std::move(request));
  }

  Router router_;
  AuthOptions auth_;
  bool loopback_ = true;
  bool tls_ = false;
  bool cors_ = false;
  std::string last_parameter_;
};

TEST_F(AdmissionTest, ChecksHostsOfAKeylessLoopbackServer) {
  for (const std::string host : {"localhost", "LOCALHOST:80", "127.0.0.1:21002", "127.8.9.1",
                                 "[::1]", "[::1]:443", "gpu-box:21002"}) {
    EXPECT_EQ(post({{"host", host}}), 0) << host;
  }
  for (const std::string host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                                 "1.127.0.0", "[::2]", "", ":", "[", "[]", "::1", "0.0.0.0"}) {
    EXPECT_EQ(post({{"host", host}}), 403) << host;
  }
  EXPECT_EQ(post({}), 0);  // HTTP/1.0, which no browser speaks
  loopback_ = false;
  EXPECT_EQ(post({{"host", "evil.example"}}), 0);
  loopback_ = true;
  auth_.api_keys = {"k"};  // a page does not know the key
  EXPECT_EQ(post({{"host", "evil.example"}, {"authorization", "Bearer k"}}), 0);
}

TEST_F(AdmissionTest, ChecksOriginsOfAKeylessServer) {
  const std::pair<std::string, std::string> host{"host", "localhost:80"};
  EXPECT_EQ(post({host, {"origin", "http://localhost:80"}}), 0);
  for (const std::string origin : {"https://localhost:80", "http://localhost", "null", "",
                                   "http://localhost:80.evil.example", "http://evil.example"}) {
    EXPECT_EQ(post({host, {"origin", origin}}), 403) << origin;
  }
  tls_ = true;
  EXPECT_EQ(post({host, {"origin", "https://localhost:80"}}), 0);
  auth_.cors_origins = {"http://evil.example"};
  EXPECT_EQ(post({host, {"origin", "http://evil.example"}}), 0);
  EXPECT_TRUE(cors_);
  EXPECT_EQ(post({host, {"origin", "http://more.evil.example"}}), 403);
  auth_.cors_origins = {"*"};
  EXPECT_EQ(post({host, {"origin", "null"}}), 0);
}

TEST_F(AdmissionTest, LeavesOriginsToTheKeyWhereThereIsOne) {
  auth_.api_keys = {"k"};
  EXPECT_EQ(post({{"origin", "http://evil.example"}, {"authorization", "Bearer k"}}), 0);
  EXPECT_FALSE(cors_);
  EXPECT_EQ(post({{"origin", "http://evil.example"}}), 401);
}

TEST_F(AdmissionTest, AnswersPreflightsOfListedOriginsWithoutAKey) {
  auth_ = {.api_keys = {"k"}, .cors_origins = {"http://chat.example"}};
  HttpRequest request{.method = "OPTIONS", .target = "/v1/chat"};
  request.headers.add("origin", "http://chat.example");
  EXPECT_EQ(status(request), 401);  // an OPTIONS request, but no preflight
  request.headers.add("access-control-request-method", "POST");
  EXPECT_EQ(status(request), 204);
  HttpRequest foreign{.method = "OPTIONS", .target = "/v1/chat"};
  foreign.headers.add("origin", "http://evil.example");
  foreign.headers.add("access-control-request-method", "POST");
  EXPECT_EQ(status(foreign), 403);
}

TEST_F(AdmissionTest, RoutesBehindTheKey) {
  EXPECT_EQ(status({.method = "GET", .target = "/v1/models/a%2Fb"}), 0);
  EXPECT_EQ(last_parameter_, "a/b");
  EXPECT_EQ(status({.method = "GET", .target = "/v1/chat"}), 405);
  EXPECT_EQ(status({.method = "GET", .target = "/"}), 404);
  auth_.api_keys = {"k"};
  EXPECT_EQ(status({.method = "GET", .target = "/v1/chat"}), 401);
  EXPECT_EQ(status({.method = "GET", .target = "/"}), 401);
}

}  // namespace
}  // namespace chitu
