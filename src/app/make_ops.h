// Which back end computes, and how: the one place that knows the concrete ones.
#pragma once

#include <memory>

#include "app/settings.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "ops/ops.h"

namespace chitu::app {

struct Backend {
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Ops> ops;  // uses the pool
  DType kv_dtype = DType::kF32;
};

Result<Backend> make_backend(const Settings& settings);

}  // namespace chitu::app
