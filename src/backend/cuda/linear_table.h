// Every matrix kernel of this back end, and which one serves a weight. cuBLASLt, which takes over
// from them where there are many tokens, is no row: linear.cc.
//
// To come as rows: products in FP8 (sm_89), formats of GGUF and in groups of integers.
#pragma once

#include "backend/cuda/kernels/linear/linear_kernel.h"

namespace chitu::cuda {

// The best kernel of a chip for weights in `weights`, a stored_format(). There is one for every
// format that weight_layout() accepts.
const LinearKernel& find_linear_kernel(int sm, DType activations, DType weights);

}  // namespace chitu::cuda
