#include "backend/cuda/context.h"

#include <utility>

namespace chitu::cuda {

void Context::launched(std::string_view operation, std::initializer_list<int64_t> sizes) {
  check(cudaGetLastError(), operation, sizes);
}

void Context::check(cudaError_t error, std::string_view operation,
                    std::initializer_list<int64_t> sizes) {
  if (error == cudaSuccess) return;
  // A kernel that fails while it runs is noticed by whatever comes next.
  fail(make_error(ErrorCode::kInternal,
                  "CUDA: {} [{}], or what ran before it: {}; CUDA_LAUNCH_BLOCKING=1 in the "
                  "environment finds the operation",
                  operation, fmt::join(sizes, ", "), cudaGetErrorString(error)));
}

void Context::fail(Error error) {
  if (status.ok()) status = std::move(error);
}

}  // namespace chitu::cuda
