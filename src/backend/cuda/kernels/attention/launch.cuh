// How the kernels of this folder are launched.
#pragma once

#include <cuda_runtime_api.h>

#include "backend/cuda/kernels/attention/attention_args.h"

namespace chitu::cuda {

// Bytes that a block of the current device may ask for, beside the few that kernels have of their
// own. Kernels ask for less where it is less.
inline int shared_memory_limit() {
  int device = 0;
  int bytes = 48 << 10;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  constexpr int kOwn = 256;
  return bytes - kOwn;
}

using AttentionKernelFunction = void (*)(AttentionArgs args);

// Errors stay for cudaGetLastError.
inline void launch(AttentionKernelFunction kernel, dim3 grid, int threads, int shared_bytes,
                   const AttentionArgs& args, cudaStream_t stream) {
  constexpr int kAlwaysAllowed = 48 << 10;
  if (shared_bytes > kAlwaysAllowed) {
    // Of the device's memory of functions, not of the stream's: allowed during capture.
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  }
  kernel<<<grid, threads, static_cast<std::size_t>(shared_bytes), stream>>>(args);
}

}  // namespace chitu::cuda
