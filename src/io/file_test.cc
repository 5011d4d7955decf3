#include "io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace chitu {
namespace {

using ::testing::HasSubstr;

TEST(File, ReadsAllBytesUpToALimit) {
  const auto path =
      std::filesystem::path(::testing::TempDir()) / fmt::format("file_test_{}", ::getpid());
  const std::string bytes("a\r\n\0b", 5);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(*read_file(path, 5), bytes);
  auto refused = read_file(path, 4);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("5 bytes; at most 4"));
  std::filesystem::remove(path);
  EXPECT_EQ(read_file(path, 5).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file(path.parent_path(), 5).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace chitu
