// The CPU back end: F32 activations, weights in the formats of checkpoints, kernels for the
// instruction sets found at run time.
#pragma once

#include <memory>

#include "backend/cpu/cpu_options.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "ops/ops.h"

namespace chitu {

using cpu::CpuOptions;

// The pool must outlive the operations and serves them alone while run() is under way.
// Error: kUnsupported when options.max_isa asks for more than the processor has.
Result<std::unique_ptr<Ops>> make_cpu_ops(ThreadPool& pool, const CpuOptions& options = {});

}  // namespace chitu
