// What bench_ops measures beside the matrix kernels.
#pragma once

#include <string>
#include <string_view>

#include "base/thread_pool.h"

namespace chitu::bench {

// Lines are printed for what has `filter` in its label.

// Attention at the shapes of models in use. Decode: GB/s of keys and values, from memory, and their
// share of what reading alone reaches. Prefill: GFLOP/s of what is not masked, and their share of
// FP32 FMA on registers.
void bench_attention(ThreadPool& pool, const std::string& filter);

// Microseconds to draw a token of a large vocabulary.
void bench_sample(ThreadPool& pool, const std::string& filter);

}  // namespace chitu::bench
