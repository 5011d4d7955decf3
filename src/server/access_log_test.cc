#include "server/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace chitu {
namespace {

using ::testing::HasSubstr;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    std::filesystem::remove(path_);
    std::filesystem::remove(old_);
  }
  const std::filesystem::path path_ =
      std::filesystem::path(::testing::TempDir()) / "chitu_access_log_test.log";
  const std::filesystem::path old_ = path_.string() + ".1";
};

TEST(AccessLine, IsJsonWhateverAClientSent) {
  EXPECT_EQ(access_line({.time = 784111777.25,
                         .id = "req-1",
                         .peer = "127.0.0.1:1",
                         .method = "GET",
                         .path = "/a\"\\\n\xff\x7f",
                         .status = 200,
                         .bytes = 10,
                         .seconds = 0.0123}),
            R"({"time":"1994-11-06T08:49:37.250Z","id":"req-1","peer":"127.0.0.1:1",)"
            R"("method":"GET","path":"/a\u0022\u005c\u000a\u00ff\u007f","status":200,"bytes":10,)"
            R"("ms":12.3,"end":"done"})"
            "\n");
  EXPECT_LT(access_line({.path = std::string(100'000, 'a')}).size(), 1000u);
  EXPECT_THAT(access_line({.error = "what"}), HasSubstr(R"("error":"what"})"));
}

TEST_F(AccessLogTest, Appends) {
  for (const char* const id : {"first", "second"}) {
    auto log = AccessLog::open(path_);
    ASSERT_TRUE(log.ok()) << log.error().message;
    (*log)->write({.id = id});
  }
  EXPECT_THAT(read(path_), HasSubstr("first"));
  EXPECT_THAT(read(path_), HasSubstr("second"));
}

TEST_F(AccessLogTest, StaysBounded) {
  const auto size = static_cast<int64_t>(access_line({.id = "x"}).size());
  for (int i = 0; i < 10; ++i) {
    auto log = AccessLog::open(path_, 3 * size);
    ASSERT_TRUE(log.ok());
    (*log)->write({.id = "x"});
  }
  EXPECT_EQ(static_cast<int64_t>(read(path_).size()), size);
  EXPECT_EQ(static_cast<int64_t>(read(old_).size()), 3 * size);
}

TEST_F(AccessLogTest, CountsWhatAFullDiskLoses) {
  auto log = AccessLog::open("/dev/full");
  ASSERT_TRUE(log.ok());
  for (int i = 0; i < 3; ++i) (*log)->write({.id = "x"});
  while ((*log)->dropped() < 3) std::this_thread::yield();
}

TEST_F(AccessLogTest, SaysWhatItCannotOpen) {
  const auto log = AccessLog::open("/nonexistent/folder/log");
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().message, HasSubstr("/nonexistent/folder/log"));
}

}  // namespace
}  // namespace chitu
