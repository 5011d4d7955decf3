// Memory of the CUDA back end: weights, KV cache, workspace.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "ops/buffer.h"

namespace chitu::cuda {

enum class Contents : uint8_t { kZero, kUndefined };

// On the current device, aligned to 256 bytes; zeros are written on `stream`. Freeing waits for the
// device, so it is nothing to do in a step. Error: kResourceExhausted, with what is asked for, what
// is free, and a remedy.
Result<Buffer> allocate_device(std::size_t bytes, Contents contents, cudaStream_t stream);

}  // namespace chitu::cuda
