// The tables of matrix kernels, one an instruction set and kind.
#pragma once

#include <span>

#include "backend/cpu/kernels/linear_kernel.h"

namespace chitu::cpu {

std::span<const LinearKernel> affine_kernels_scalar();
std::span<const LinearKernel> affine_kernels_neon();
std::span<const LinearKernel> affine_kernels_neon_dot();
std::span<const LinearKernel> affine_kernels_avx2();
std::span<const LinearKernel> affine_kernels_avx512();
std::span<const LinearKernel> affine_kernels_avx512_vnni();
std::span<const LinearKernel> affine_kernels_amx();

// F32, F16 and BF16; with float activations all the others too.
std::span<const LinearKernel> float_kernels_scalar();
std::span<const LinearKernel> float_kernels_neon();
std::span<const LinearKernel> float_kernels_avx2();
std::span<const LinearKernel> float_kernels_avx512();
std::span<const LinearKernel> float_kernels_avx512_bf16();
std::span<const LinearKernel> float_kernels_amx();

#if defined(__x86_64__)
inline constexpr std::size_t kNumLinearTables = 10;
#elif defined(__aarch64__)
inline constexpr std::size_t kNumLinearTables = 5;
#else
inline constexpr std::size_t kNumLinearTables = 2;
#endif

}  // namespace chitu::cpu
