#include "backend/cuda/memory.h"

#include <algorithm>

#include "backend/cuda/error.h"

namespace chitu::cuda {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

// An error here has nobody to go to, and is sticky where it matters: synchronize() will report it.
void free_device(void* data, std::size_t /*bytes*/, void* /*context*/) {
  static_cast<void>(cudaFree(data));
}

Error out_of_memory(std::size_t bytes) {
  static_cast<void>(cudaGetLastError());  // or the next launch would report it as its own
  std::size_t free = 0;
  std::size_t total = 0;
  static_cast<void>(cudaMemGetInfo(&free, &total));
  return make_error(ErrorCode::kResourceExhausted,
                    "the GPU has {:.0f} MiB free of {:.0f}, {:.1f} more are needed: a smaller "
                    "infer.memory_utilization, infer.max_seq_len or infer.max_reqs takes less",
                    static_cast<double>(free) / kMiB, static_cast<double>(total) / kMiB,
                    static_cast<double>(bytes) / kMiB);
}

}  // namespace

Result<Buffer> allocate_device(std::size_t bytes, Contents contents, cudaStream_t stream) {
  // Not even nothing lies nowhere: an empty TensorRef is one without data.
  bytes = std::max<std::size_t>(bytes, 1);
  void* data = nullptr;
  const cudaError_t allocated = cudaMalloc(&data, bytes);
  if (allocated == cudaErrorMemoryAllocation) return out_of_memory(bytes);
  TRY_STATUS(check(allocated, "allocating memory"));
  Buffer buffer(data, bytes, free_device);
  if (contents == Contents::kZero) {
    TRY_STATUS(check(cudaMemsetAsync(data, 0, bytes, stream), "zeroing memory"));
  }
  return buffer;
}

}  // namespace chitu::cuda
