#include "io/mmap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "io/test_files.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;

std::string_view text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, ShowsTheWholeFile) {
  const TemporaryDirectory dir;
  Result<MappedFile> file = MappedFile::open(dir.write("f", "contents"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(text(*file), "contents");
  MappedFile moved = *std::move(file);
  EXPECT_EQ(text(moved), "contents");
  // What is moved from owns nothing: that is what the test is about.
  EXPECT_TRUE(file->bytes().empty());  // NOLINT(bugprone-use-after-move)
}

TEST(MappedFile, AnEmptyFileIsAnEmptySpan) {
  const TemporaryDirectory dir;
  Result<MappedFile> file = MappedFile::open(dir.write("f", ""));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, OpensRegularFilesOnly) {
  const TemporaryDirectory dir;
  EXPECT_EQ(MappedFile::open(dir.path() / "none").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(MappedFile::open(dir.path()).error().message, HasSubstr("not a regular file"));
  EXPECT_THAT(MappedFile::open("/dev/zero").error().message, HasSubstr("not a regular file"));
}

TEST(MappedFile, KnowsWhatLiesInIt) {
  const TemporaryDirectory dir;
  Result<MappedFile> file = MappedFile::open(dir.write("f", "12345678"));
  ASSERT_TRUE(file) << file.error().message;
  const std::byte* data = file->bytes().data();
  EXPECT_TRUE(file->contains(data, 8));
  EXPECT_TRUE(file->contains(data + 8, 0));
  EXPECT_FALSE(file->contains(data + 1, 8));
  EXPECT_FALSE(file->contains(data, 9));
  EXPECT_FALSE(file->contains(data - 1, 1));
  EXPECT_FALSE(file->contains(data + 9, 0));
  EXPECT_FALSE(file->contains(&dir, 1));
}

}  // namespace
}  // namespace chitu
