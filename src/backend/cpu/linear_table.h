// Every matrix kernel of this back end, and which one serves a weight.
#pragma once

#include <string>

#include "backend/cpu/kernels/linear_kernel.h"

namespace chitu::cpu {

inline constexpr int kNoKernel = -1;

// The best kernel for weights of `format` with instructions no newer than `isa`: an index of
// linear_kernel(), or kNoKernel. Arithmetic::kFast takes what kFloat32 has where it has nothing of
// its own.
int find_linear_kernel(DType format, Arithmetic arithmetic, Isa isa);

const LinearKernel& linear_kernel(int index);
int num_linear_kernels();

std::string name(
    const LinearKernel& kernel);  // "q4_1 8-bit avx512_vnni": weights, activations, instructions

}  // namespace chitu::cpu
