#include "backend/cuda/device_info.h"

namespace chitu::cuda {

Result<Machine> find_devices() {
  return make_error(ErrorCode::kUnsupported,
                    "this chitu was built without CUDA; `make cuda` builds one with it");
}

}  // namespace chitu::cuda
