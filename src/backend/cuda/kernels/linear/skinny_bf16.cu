#include "backend/cuda/kernels/linear/skinny.cuh"

namespace chitu::cuda {

std::span<const LinearKernel> skinny_kernels_bf16() {
  static constexpr std::array<LinearKernel, 1> kKernels = {
      {{"skinny bf16 x bf16", DType::kBF16, DType::kBF16, 80, kMaxSkinnyTokens,
        launch_skinny<__nv_bfloat16, __nv_bfloat16>}}};
  return kKernels;
}

}  // namespace chitu::cuda
