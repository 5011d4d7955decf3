#include "base/cpu_quota.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace chitu {
namespace {

namespace fs = std::filesystem;

class CpuQuota : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::optional<double> quota() { return cgroup_cpu_quota(root_ / "cgroup", root_ / "mount"); }

  fs::path root_;
};

TEST_F(CpuQuota, Version2TakesTheLeastOfAllGroupsAbove) {
  write("cgroup", "0::/kubepods/pod1\n");
  write("mount/kubepods/cpu.max", "150000 100000\n");
  write("mount/kubepods/pod1/cpu.max", "800000 100000\n");
  EXPECT_EQ(quota(), 1.5);
}

TEST_F(CpuQuota, Version2WithoutLimit) {
  write("cgroup", "0::/\n");
  write("mount/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CpuQuota, Version1) {
  write("cgroup", "5:memory:/docker/x\n4:cpuset:/y\n3:cpuacct,cpu:/docker/x\n");
  write("mount/cpu/docker/x/cpu.cfs_quota_us", "400000\n");
  write("mount/cpu/docker/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 4);
}

TEST_F(CpuQuota, Version1InAContainerThatDoesNotSeeItsPath) {
  write("cgroup", "3:cpu,cpuacct:/docker/of-the-host\n");
  write("mount/cpu/cpu.cfs_quota_us", "250000\n");
  write("mount/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 2.5);
}

TEST_F(CpuQuota, NonsenseLimitsNothing) {
  EXPECT_EQ(quota(), std::nullopt);  // no files at all
  write("cgroup", "no colons\n0::/\n1:cpu:/\n");
  write("mount/cpu.max", "banana 100000\n");
  write("mount/cpu/cpu.cfs_quota_us", "-1\n");
  write("mount/cpu/cpu.cfs_period_us", "0\n");
  EXPECT_EQ(quota(), std::nullopt);
}

}  // namespace
}  // namespace chitu
