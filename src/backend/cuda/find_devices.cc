#include <cuda_runtime_api.h>

#include "backend/cuda/device_info.h"

namespace chitu::cuda {
namespace {

Status seen(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess) return {};
  return make_error(ErrorCode::kInternal, "CUDA: {}: {}; does nvidia-smi see the GPU?", what,
                    cudaGetErrorString(error));
}

}  // namespace

Result<Machine> find_devices() {
  Machine machine;
  TRY_STATUS(seen(cudaRuntimeGetVersion(&machine.runtime_version), "the runtime's version"));
  TRY_STATUS(seen(cudaDriverGetVersion(&machine.driver_version), "the driver's version"));
  if (machine.driver_version == 0) return machine;

  int count = 0;
  const cudaError_t counted = cudaGetDeviceCount(&count);
  if (counted == cudaErrorNoDevice) return machine;
  TRY_STATUS(seen(counted, "the number of devices"));
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    TRY_STATUS(seen(cudaGetDeviceProperties(&properties, index), "a device's properties"));
    machine.devices.push_back({
        .name = properties.name,
        .memory_bytes = static_cast<int64_t>(properties.totalGlobalMem),
        .compute_major = properties.major,
        .compute_minor = properties.minor,
        .multiprocessors = properties.multiProcessorCount,
    });
  }
  return machine;
}

Result<DeviceMemory> device_memory(int device) {
  std::size_t free = 0;
  std::size_t total = 0;
  TRY_STATUS(seen(cudaSetDevice(device), "choosing the device"));
  TRY_STATUS(seen(cudaMemGetInfo(&free, &total), "a device's memory"));
  return DeviceMemory{.total = static_cast<int64_t>(total), .free = static_cast<int64_t>(free)};
}

}  // namespace chitu::cuda
