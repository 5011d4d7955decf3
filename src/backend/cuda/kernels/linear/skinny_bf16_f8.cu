#include "backend/cuda/kernels/linear/skinny.cuh"

namespace chitu::cuda {

std::span<const LinearKernel> skinny_kernels_bf16_f8() {
  static constexpr std::array<LinearKernel, 1> kKernels = {
      {{"skinny bf16 x f8", DType::kBF16, DType::kF8_G128, 80, kMaxSkinnyTokens,
        launch_skinny<__nv_bfloat16, E4m3>}}};
  return kKernels;
}

}  // namespace chitu::cuda
