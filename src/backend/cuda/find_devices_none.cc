#include "backend/cuda/device_info.h"

namespace chitu::cuda {

namespace {

Error without_cuda() {
  return make_error(ErrorCode::kUnsupported,
                    "this chitu was built without CUDA; `make cuda` builds one with it");
}

}  // namespace

Result<Machine> find_devices() { return without_cuda(); }

Result<DeviceMemory> device_memory(int /*device*/) { return without_cuda(); }

}  // namespace chitu::cuda
