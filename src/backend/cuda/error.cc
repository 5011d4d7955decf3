#include "backend/cuda/error.h"

namespace chitu::cuda {

Status check(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess) return {};
  const ErrorCode code =
      error == cudaErrorMemoryAllocation ? ErrorCode::kResourceExhausted : ErrorCode::kInternal;
  return make_error(code, "CUDA: {}: {}", what, cudaGetErrorString(error));
}

}  // namespace chitu::cuda
