#include "backend/cuda/kernels/linear/skinny.cuh"

namespace chitu::cuda {

std::span<const LinearKernel> skinny_kernels_f16_f8() {
  static constexpr std::array<LinearKernel, 1> kKernels = {
      {{"skinny f16 x f8", DType::kF16, DType::kF8_G128, 80, kMaxSkinnyTokens,
        launch_skinny<__half, E4m3>}}};
  return kKernels;
}

}  // namespace chitu::cuda
