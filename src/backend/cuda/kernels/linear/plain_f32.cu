#include "backend/cuda/kernels/linear/plain.cuh"

namespace chitu::cuda {

std::span<const LinearKernel> plain_kernels_f32() {
  static constexpr std::array<LinearKernel, 4> kKernels = {{
      {"plain f32 x f32", DType::kF32, DType::kF32, 0, 32, launch_plain<float, float>},
      {"plain f32 x f16", DType::kF32, DType::kF16, 0, 32, launch_plain<float, __half>},
      {"plain f32 x bf16", DType::kF32, DType::kBF16, 0, 32, launch_plain<float, __nv_bfloat16>},
      {"plain f32 x f8", DType::kF32, DType::kF8_G128, 0, 32, launch_plain<float, E4m3>},
  }};
  return kKernels;
}

}  // namespace chitu::cuda
