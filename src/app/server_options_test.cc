#include "app/server_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Settings with(std::string_view key, std::string_view value) {
  Settings settings;
  EXPECT_TRUE(settings.set(key, value).ok()) << key;
  return settings;
}

TEST(ServerOptions, SplitsListsAtCommas) {
  EXPECT_THAT(split_list("a,b"), ElementsAre("a", "b"));
  EXPECT_THAT(split_list(" a b ,\tc, "), ElementsAre("a b", "c"));
  EXPECT_THAT(split_list(""), IsEmpty());
  EXPECT_THAT(split_list(" ,,"), IsEmpty());
}

TEST(ServerOptions, TheDefaultsAreTheServersOwn) {
  const Settings settings;
  const ServerLimits limits = server_limits(settings);
  const ServerLimits own;
  EXPECT_EQ(limits.max_header_bytes, own.max_header_bytes);
  EXPECT_EQ(limits.max_body_bytes, own.max_body_bytes);
  EXPECT_EQ(limits.max_connections, own.max_connections);
  EXPECT_EQ(limits.header_timeout_s, own.header_timeout_s);
  EXPECT_EQ(limits.idle_timeout_s, own.idle_timeout_s);
  EXPECT_EQ(limits.write_timeout_s, own.write_timeout_s);
  EXPECT_EQ(limits.send_queue_bytes, own.send_queue_bytes);
  const RequestLimits requests = request_limits(settings);
  const RequestLimits own_requests;
  EXPECT_EQ(requests.max_n, own_requests.max_n);
  EXPECT_EQ(requests.max_logprobs, own_requests.max_logprobs);
  EXPECT_EQ(requests.max_stop, own_requests.max_stop);
  EXPECT_EQ(requests.max_stop_bytes, own_requests.max_stop_bytes);
  EXPECT_EQ(requests.max_priority, own_requests.max_priority);
}

TEST(ServerOptions, NoKeyNoOriginAndNoTlsByDefault) {
  const auto auth = auth_options(Settings());
  ASSERT_TRUE(auth.ok());
  EXPECT_THAT(auth->api_keys, IsEmpty());
  EXPECT_THAT(auth->cors_origins, IsEmpty());
  EXPECT_EQ(auth->admin_key, "");
  const auto tls = tls_options(Settings());
  ASSERT_TRUE(tls.ok());
  EXPECT_FALSE(tls->enabled());
}

TEST(ServerOptions, ReadsKeys) {
  const auto auth = auth_options(with("serve.api_keys", "one, two"));
  ASSERT_TRUE(auth.ok());
  EXPECT_THAT(auth->api_keys, ElementsAre("one", "two"));
}

TEST(ServerOptions, RefusesKeysThatNoHeaderCarriesAndDoesNotRepeatThem) {
  for (const std::string_view key : {"serve.api_keys", "serve.admin_key"}) {
    const auto auth = auth_options(with(key, "pass word"));
    ASSERT_FALSE(auth.ok());
    EXPECT_THAT(auth.error().message, HasSubstr(std::string(key)));
    EXPECT_THAT(auth.error().message, Not(HasSubstr("word")));
  }
}

TEST(ServerOptions, AListWithoutAKeyOpensNothing) {
  for (const std::string_view keys : {"", ",", " , "}) {
    const auto auth = auth_options(with("serve.api_keys", keys));
    ASSERT_FALSE(auth.ok()) << keys;
    EXPECT_THAT(auth.error().message, HasSubstr("serve.api_keys"));
  }
  EXPECT_TRUE(auth_options(with("serve.api_keys", "null")).ok());
}

TEST(ServerOptions, CertificateAndKeyGoTogether) {
  for (const std::string_view key : {"serve.tls_cert", "serve.tls_key"}) {
    const auto tls = tls_options(with(key, "/some/file.pem"));
    ASSERT_FALSE(tls.ok());
    EXPECT_THAT(tls.error().message, HasSubstr(std::string(key)));
  }
}

TEST(ServerOptions, KnowsThisMachine) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "localhost", "::1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "192.168.0.1", "example.org", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace chitu::app
