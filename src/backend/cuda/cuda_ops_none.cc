#include "backend/cuda/cuda_ops.h"

namespace chitu {

Result<std::unique_ptr<Ops>> make_cuda_ops(const CudaOptions& /*options*/) {
  return make_error(ErrorCode::kUnsupported,
                    "this chitu was built without CUDA; `make cuda` builds one with it");
}

}  // namespace chitu
