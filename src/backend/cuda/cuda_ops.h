// The CUDA back end: one GPU. Linked in two ways, as device_info.h: without CUDA, make_cuda_ops()
// says so (cuda_ops_none.cc).
#pragma once

#include <memory>

#include "base/result.h"
#include "ops/ops.h"

namespace chitu {

struct CudaOptions {
  int device = 0;  // CUDA's index
  // kBF16, kF16 or kF32; what floating-point weights are kept in too.
  DType activations = DType::kBF16;
  // A token comes to the same, to the last bit, whatever else is computed in its step; slower.
  bool deterministic = false;
};

// One at a time may use it, from any thread.
// Errors: kUnsupported without CUDA, and for a GPU older than the kernels; kNotFound for a device
// that is not there; kResourceExhausted.
Result<std::unique_ptr<Ops>> make_cuda_ops(const CudaOptions& options = {});

}  // namespace chitu
