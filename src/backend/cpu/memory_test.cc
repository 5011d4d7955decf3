#include "backend/cpu/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace chitu::cpu {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::byte* bytes_of(const Buffer& buffer) { return static_cast<std::byte*>(buffer.data()); }

Buffer allocate(Memory& memory, std::size_t bytes) {
  Result<Buffer> buffer = memory.allocate(bytes);
  EXPECT_TRUE(buffer.ok());
  return *std::move(buffer);
}

TEST(Memory, IsAlignedZeroAndWritable) {
  Memory memory;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{65535},
                                  std::size_t{65536}, 3 * kMiB + 5, 4 * kMiB, 9 * kMiB + 1}) {
    const Buffer buffer = allocate(memory, bytes);
    EXPECT_EQ(buffer.bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    EXPECT_TRUE(std::all_of(bytes_of(buffer), bytes_of(buffer) + bytes,
                            [](std::byte b) { return b == std::byte{0}; }));
    std::memset(buffer.data(), 0xab, bytes);
  }
}

// More than one shared mapping holds, with some of them given back in between.
TEST(Memory, BuffersDoNotOverlap) {
  Memory memory;
  std::vector<Buffer> buffers;
  for (int i = 0; i < 100; ++i) {
    buffers.push_back(allocate(memory, 2 * kMiB + static_cast<std::size_t>(i)));
    const std::byte* data = bytes_of(buffers.back());
    EXPECT_EQ(data[0], std::byte{0});
    std::memset(buffers.back().data(), i + 1, buffers.back().bytes());
    if (i % 5 == 0) buffers[static_cast<std::size_t>(i / 2)] = Buffer();
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i].empty()) continue;
    const std::byte* data = bytes_of(buffers[i]);
    const auto value = static_cast<std::byte>(i + 1);
    EXPECT_EQ(data[0], value);
    EXPECT_EQ(data[buffers[i].bytes() - 1], value);
  }
}

TEST(Memory, BuffersOutliveIt) {
  auto memory = std::make_unique<Memory>();
  const Buffer large = allocate(*memory, 5 * kMiB);
  const Buffer shared = allocate(*memory, kMiB);
  const Buffer small = allocate(*memory, 100);
  memory.reset();
  for (const Buffer* buffer : {&large, &shared, &small}) {
    std::memset(buffer->data(), 1, buffer->bytes());
  }
}

TEST(Memory, ServesSeveralThreads) {
  Memory memory;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<Buffer> buffers;
      for (int i = 0; i < 50; ++i) {
        buffers.push_back(allocate(memory, 64 << 10));
        std::memset(buffers.back().data(), t + 1, buffers.back().bytes());
        if (i % 2 == 0) buffers.front() = Buffer();
      }
      for (const Buffer& buffer : buffers) {
        if (buffer.empty()) continue;
        EXPECT_EQ(bytes_of(buffer)[100], static_cast<std::byte>(t + 1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Memory, RefusesWhatNoMachineHas) {
  Memory memory;
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX / 2, std::size_t{1} << 60}) {
    const Result<Buffer> buffer = memory.allocate(bytes);
    ASSERT_FALSE(buffer.ok());
    EXPECT_EQ(buffer.error().code, ErrorCode::kResourceExhausted);
  }
}

// The flags of the mapping that holds `address`, such as "rd wr mr mw me ac hg".
std::string mapping_flags(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream file("/proc/self/smaps");
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%zx-%zx ", &begin, &end) == 2) {
      found = begin <= wanted && wanted < end;
    } else if (found && line.starts_with("VmFlags:")) {
      return line.substr(8) + " ";
    }
  }
  return "";
}

TEST(Memory, AsksForHugePages) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) {
    GTEST_SKIP() << "the system has no transparent huge pages";
  }
  Memory memory;
  const Buffer shared = allocate(memory, kMiB);
  const Buffer large = allocate(memory, 6 * kMiB + kMiB / 2);
  EXPECT_THAT(mapping_flags(shared.data()), HasSubstr(" hg "));
  EXPECT_THAT(mapping_flags(bytes_of(large) + 6 * kMiB - 1), HasSubstr(" hg "));
  EXPECT_THAT(mapping_flags(bytes_of(large) + 6 * kMiB), Not(HasSubstr(" hg ")));
}

}  // namespace
}  // namespace chitu::cpu
