#include "backend/cuda/kernels/linear/plain.cuh"

namespace chitu::cuda {

std::span<const LinearKernel> plain_kernels_f16() {
  static constexpr std::array<LinearKernel, 2> kKernels = {{
      {"plain f16 x f16", DType::kF16, DType::kF16, 0, 32, launch_plain<__half, __half>},
      {"plain f16 x f8", DType::kF16, DType::kF8_G128, 0, 32, launch_plain<__half, E4m3>},
  }};
  return kKernels;
}

}  // namespace chitu::cuda
