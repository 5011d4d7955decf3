#include "backend/cuda/device_info.h"

#include <gtest/gtest.h>

namespace chitu::cuda {
namespace {

TEST(DeviceInfo, IsWrittenOnOneLine) {
  const DeviceInfo info{.name = "NVIDIA H200",
                        .memory_bytes = int64_t{150'000'000'000},
                        .compute_major = 9,
                        .compute_minor = 0,
                        .multiprocessors = 132};
  EXPECT_EQ(to_string(info), "NVIDIA H200, 139.7 GiB, sm_90, 132 SMs");
  EXPECT_EQ(version_text(12080), "12.8");
}

// Holds on machines with and without a GPU, and in builds with and without CUDA.
TEST(FindDevices, TellsWhatIsThere) {
  const Result<Machine> machine = find_devices();
  if (!machine.ok()) {
    EXPECT_EQ(machine.error().code, ErrorCode::kUnsupported) << machine.error().message;
    return;
  }
  EXPECT_GE(machine->runtime_version, 11000);
  for (const DeviceInfo& device : machine->devices) {
    EXPECT_GT(machine->driver_version, 0);
    EXPECT_FALSE(device.name.empty());
    EXPECT_GT(device.memory_bytes, int64_t{1} << 28);
    EXPECT_GT(device.compute_major, 2);
    EXPECT_GT(device.multiprocessors, 0);
  }
}

}  // namespace
}  // namespace chitu::cuda
