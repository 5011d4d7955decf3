#include "server/auth.h"

#include <gtest/gtest.h>

namespace chitu {
namespace {

TEST(Authenticator, ComparesWholeKeys) {
  const Authenticator auth({.api_keys = {"alpha", "beta"}, .admin_key = "root"});
  EXPECT_FALSE(auth.keyless());
  EXPECT_EQ(auth.check("Bearer alpha"), Grant::kKey);
  EXPECT_EQ(auth.check("bEARER  beta"), Grant::kKey);
  EXPECT_EQ(auth.check("Bearer root"), Grant::kAdmin);
  for (const std::string_view wrong :
       {"", "Bearer", "Bearer ", "Bearer alph", "Bearer alphaa", "Bearer Alpha", "Basic alpha",
        "alpha", "Bearer alpha, Bearer beta"}) {
    EXPECT_EQ(auth.check(wrong), Grant::kNone) << wrong;
  }
  EXPECT_EQ(auth.check("Bearer alpha" + std::string(1, '\0')), Grant::kNone);
}

TEST(Authenticator, KeylessGrantsAllButAdministration) {
  const Authenticator open({.api_keys = {""}});
  EXPECT_TRUE(open.keyless());
  EXPECT_FALSE(open.has_admin_key());
  for (const std::string_view any : {"", "Bearer ", "Bearer whatever", "Basic x"}) {
    EXPECT_EQ(open.check(any), Grant::kKey) << any;
  }
  const Authenticator administered({.admin_key = "root"});
  EXPECT_EQ(administered.check("Bearer root"), Grant::kAdmin);
  EXPECT_EQ(administered.check("Bearer other"), Grant::kKey);
}

}  // namespace
}  // namespace chitu
