#include "backend/cuda/kernels/linear/plain.cuh"

namespace chitu::cuda {

std::span<const LinearKernel> plain_kernels_bf16() {
  static constexpr std::array<LinearKernel, 2> kKernels = {{
      {"plain bf16 x bf16", DType::kBF16, DType::kBF16, 0, 32,
       launch_plain<__nv_bfloat16, __nv_bfloat16>},
      {"plain bf16 x f8", DType::kBF16, DType::kF8_G128, 0, 32, launch_plain<__nv_bfloat16, E4m3>},
  }};
  return kKernels;
}

}  // namespace chitu::cuda
