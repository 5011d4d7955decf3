// Which back end computes, and how: the one place that knows the concrete ones.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/settings.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "ops/ops.h"

namespace chitu::app {

struct Backend {
  std::unique_ptr<ThreadPool> pool;  // of one thread where a GPU computes
  std::unique_ptr<Ops> ops;          // uses the pool
  DType kv_dtype = DType::kF32;
  std::string kernels;  // what they are written for: "AVX-512 VNNI BF16", "sm_90, BF16"
  bool on_gpu = false;
  int64_t memory = 0;  // bytes of a GPU that may be taken; 0: the host's are
};

// Errors: kInvalidArgument for settings that name no device; what the back end cannot do; with
// infer.device=auto, only that neither GPU nor CPU can.
Result<Backend> make_backend(const Settings& settings);

}  // namespace chitu::app
