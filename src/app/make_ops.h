// Which back end computes, and how: the one place that knows the concrete ones.
#pragma once

#include <memory>
#include <string_view>

#include "app/settings.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "ops/ops.h"

namespace chitu::app {

struct Backend {
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Ops> ops;  // uses the pool
  DType kv_dtype = DType::kF32;
  std::string_view kernels;  // the instruction sets they are written for: "AVX-512 VNNI BF16"
};

Result<Backend> make_backend(const Settings& settings);

}  // namespace chitu::app
