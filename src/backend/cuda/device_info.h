// The GPUs of this machine, as the CUDA runtime sees them. Linked in two ways: with CUDA, and
// without it (find_devices_none.cc), so that callers need no preprocessor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace chitu::cuda {

struct DeviceInfo {
  std::string name;  // "NVIDIA H200"
  int64_t memory_bytes = 0;
  int compute_major = 0;
  int compute_minor = 0;
  int multiprocessors = 0;
};

struct Machine {
  int driver_version = 0;   // the newest CUDA that the driver runs, 13000 for 13.0; 0: no driver
  int runtime_version = 0;  // the CUDA that this program was built with
  std::vector<DeviceInfo> devices;  // by CUDA's index; empty on a machine without GPU or driver
};

struct DeviceMemory {
  int64_t total = 0;
  int64_t free = 0;  // not taken by anybody, this process included
};

// Makes the device ready, which takes a part of its memory. Errors: kUnsupported when built without
// CUDA; kInternal when the driver reports a fault.
Result<DeviceMemory> device_memory(int device);

// Creates no context on any device. Errors: kUnsupported when built without CUDA; kInternal when
// the driver reports a fault.
Result<Machine> find_devices();

std::string version_text(int version);          // 13000 -> "13.0"
std::string to_string(const DeviceInfo& info);  // "NVIDIA H200, 139.8 GiB, sm_90, 132 SMs"

}  // namespace chitu::cuda
