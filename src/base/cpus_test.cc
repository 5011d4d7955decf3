#include "base/cpus.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>

namespace chitu {
namespace {

namespace fs = std::filesystem;

TEST(Cpus, SomeAreAllowed) {
  EXPECT_FALSE(allowed_cpus().empty());
  EXPECT_GE(usable_cpus(), 1);
  EXPECT_LE(usable_cpus(), static_cast<int>(allowed_cpus().size()));
}

TEST(Cpus, BindsAThread) {
  const CpuList all = allowed_cpus();
  CpuList found;
  std::thread thread([&] {
    bind_thread(pthread_self(), {all.back()});
    found = allowed_cpus();
    bind_thread(pthread_self(), {});  // nothing to say
    EXPECT_EQ(allowed_cpus(), found);
    bind_thread(pthread_self(), {1 << 19});  // nothing that there is
    EXPECT_EQ(allowed_cpus(), found);
  });
  thread.join();
  EXPECT_EQ(found, CpuList{all.back()});
  EXPECT_EQ(allowed_cpus(), all);
}

TEST(Cpus, ReadsListsOfTheKernel) {
  EXPECT_EQ(parse_cpu_list("0"), CpuList{0});
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11\n"), (CpuList{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cpu_list("\n"), CpuList{});
  EXPECT_EQ(parse_cpu_list(""), CpuList{});
}

TEST(Cpus, RefusesWhatIsNoList) {
  for (const std::string_view text : {"x", "1-", "-1", "3-1", "1,,2", "1,", ",1", "1 2", "2,1",
                                      "1,1", "0-3,2", "99999999999", "0-99999999", "0-3-5"}) {
    EXPECT_EQ(parse_cpu_list(text), std::nullopt) << text;
  }
}

class NumaNodes : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  fs::path root_;
};

TEST_F(NumaNodes, InTheOrderOfTheirNumbers) {
  write("node10/cpulist", "4-5\n");
  write("node2/cpulist", "2-3,6\n");
  write("node0/cpulist", "0-1\n");
  write("online", "0,2,10\n");
  write("nodes/cpulist", "9\n");
  write("node/cpulist", "9\n");
  write("node1x/cpulist", "9\n");
  EXPECT_EQ(numa_nodes(root_), (std::vector<CpuList>{{0, 1}, {2, 3, 6}, {4, 5}}));
}

TEST_F(NumaNodes, LeavesOutNodesThatAreMemoryAlone) {
  write("node0/cpulist", "0-1\n");
  write("node1/cpulist", "\n");
  EXPECT_EQ(numa_nodes(root_), (std::vector<CpuList>{{0, 1}}));
}

TEST_F(NumaNodes, NonsenseIsNoKnowledge) {
  EXPECT_TRUE(numa_nodes(root_ / "missing").empty());
  EXPECT_TRUE(numa_nodes(root_).empty());
  write("node0/cpulist", "0-1\n");
  write("node1/cpulist", "banana\n");
  EXPECT_TRUE(numa_nodes(root_).empty());
}

}  // namespace
}  // namespace chitu
