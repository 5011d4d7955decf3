#include "base/memory_info.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace chitu {
namespace {

namespace fs = std::filesystem;

class MemoryInfoTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
    write("meminfo", "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  600 kB\nHuge: 0\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  MemoryInfo info() { return memory_info(root_ / "meminfo", root_ / "cgroup", root_ / "mount"); }

  fs::path root_;
};

TEST_F(MemoryInfoTest, ReadsTheMachine) {
  EXPECT_EQ(info().total, 1000 * 1024);
  EXPECT_EQ(info().available, 600 * 1024);
}

TEST_F(MemoryInfoTest, IsCutByAVersion2Limit) {
  write("cgroup", "0::/pod\n");
  write("mount/pod/memory.max", "500000\n");
  write("mount/pod/memory.current", "300000\n");
  write("mount/pod/memory.stat", "anon 200000\ninactive_file 50000\n");
  EXPECT_EQ(info().total, 500000);
  EXPECT_EQ(info().available, 250000);
}

TEST_F(MemoryInfoTest, TakesTheTightestOfNestedGroups) {
  write("cgroup", "0::/outer/inner\n");
  write("mount/outer/inner/memory.max", "500000\n");
  write("mount/outer/inner/memory.current", "100000\n");
  write("mount/outer/memory.max", "800000\n");
  write("mount/outer/memory.current", "700000\n");
  EXPECT_EQ(info().total, 500000);
  EXPECT_EQ(info().available, 100000);
}

TEST_F(MemoryInfoTest, IsCutByAVersion1Limit) {
  write("cgroup", "4:memory:/docker/x\n");
  write("mount/memory/docker/x/memory.limit_in_bytes", "400000\n");
  write("mount/memory/docker/x/memory.usage_in_bytes", "390000\n");
  write("mount/memory/docker/x/memory.stat", "total_inactive_file 10000\n");
  EXPECT_EQ(info().available, 20000);
}

TEST_F(MemoryInfoTest, IgnoresGroupsWithoutALimit) {
  write("cgroup", "0::/\n5:memory:/\n");
  write("mount/memory.max", "max\n");
  write("mount/memory.current", "300000\n");
  write("mount/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("mount/memory/memory.usage_in_bytes", "1\n");
  EXPECT_EQ(info().available, 600 * 1024);
}

TEST(MemoryInfo, KnowsThisMachine) {
  const MemoryInfo info = memory_info();
  EXPECT_GT(info.available, 0);
  EXPECT_LE(info.available, info.total);
}

}  // namespace
}  // namespace chitu
