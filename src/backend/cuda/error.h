// CUDA's errors as Result's. Plain C++: whoever calls the runtime outside of run() uses this; run()
// itself cannot fail and notes what went wrong in its Context instead (context.h).
#pragma once

#include <cuda_runtime_api.h>

#include <string_view>

#include "base/result.h"

namespace chitu::cuda {

// `what`: what was being done, in words: "CUDA: allocating 2 GiB: out of memory; ...". Out of
// memory is kResourceExhausted, everything else kInternal.
Status check(cudaError_t error, std::string_view what);

}  // namespace chitu::cuda
