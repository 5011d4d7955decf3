// Every attention kernel of this back end, and which one serves an operation.
#pragma once

#include <string_view>

#include "backend/cuda/kernels/attention/attention_args.h"

namespace chitu::cuda {

struct AttentionKernel {
  std::string_view name;  // "mma_bf16"
  int min_sm = 0;
  // What it takes of dtypes, sizes and alignments. It must not depend on the batch.
  bool (*supports)(const AttentionArgs& args) = nullptr;
  AttentionShare share = nullptr;
  AttentionLaunch prefill = nullptr;
  AttentionLaunch split = nullptr;
};

// The first that serves `args` on a device of compute capability `sm`; null where none does.
const AttentionKernel* find_attention_kernel(const AttentionArgs& args, int sm);

}  // namespace chitu::cuda
