#include "backend/cuda/kernels/linear/skinny.cuh"

namespace chitu::cuda {

std::span<const LinearKernel> skinny_kernels_f16() {
  static constexpr std::array<LinearKernel, 1> kKernels = {
      {{"skinny f16 x f16", DType::kF16, DType::kF16, 80, kMaxSkinnyTokens,
        launch_skinny<__half, __half>}}};
  return kKernels;
}

}  // namespace chitu::cuda
