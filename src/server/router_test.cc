#include "server/router.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

Handler nothing() {
  return [](Exchange&) -> asio::awaitable<void> { co_return; };
}

TEST(Router, FindsByMethodAndPath) {
  Router router;
  router.add("GET", "/v1/models/{id}", nothing());
  router.add("GET", "/v1/models", nothing());
  router.add("POST", "/v1/models/new", nothing(), Access::kAdmin);
  router.add("DELETE", "/v1/models/{id}", nothing());

  ASSERT_NE(router.find("GET", "/v1/models"), nullptr);
  EXPECT_FALSE(router.find("GET", "/v1/models")->parameter);
  EXPECT_EQ(router.find("HEAD", "/v1/models"), router.find("GET", "/v1/models"));
  EXPECT_TRUE(router.find("GET", "/v1/models/org/name")->parameter);
  EXPECT_EQ(router.find("POST", "/v1/models/new")->access, Access::kAdmin);
  for (const std::string_view path :
       {"/v1/models/", "/v1/model", "/v1/models ", "/V1/models", ""}) {
    EXPECT_EQ(router.find("GET", path), nullptr) << path;
  }
  EXPECT_EQ(router.find("POST", "/v1/models"), nullptr);
  EXPECT_EQ(router.find("get", "/v1/models"), nullptr);
}

TEST(Router, ListsMethods) {
  Router router;
  router.add("GET", "/a", nothing());
  router.add("POST", "/a", nothing());
  EXPECT_EQ(router.allowed_methods("/a"), "GET, HEAD, POST");
  EXPECT_EQ(router.allowed_methods("/b"), "");
}

TEST(Router, DecodesPercents) {
  EXPECT_EQ(percent_decoded("a%20b%2Fc%2f"), "a b/c/");
  EXPECT_EQ(percent_decoded("100%"), "100%");
  EXPECT_EQ(percent_decoded("%4"), "%4");
  EXPECT_EQ(percent_decoded("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace chitu
