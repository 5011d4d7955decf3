#include "backend/cuda/linear_table.h"

#include "base/check.h"

namespace chitu::cuda {

const LinearKernel& find_linear_kernel(int sm, DType activations, DType weights) {
  // In the order of preference.
  static constexpr std::span<const LinearKernel> (*kTables[])() = {
      skinny_kernels_bf16, skinny_kernels_bf16_f8, skinny_kernels_f16, skinny_kernels_f16_f8,
      plain_kernels_bf16,  plain_kernels_f16,      plain_kernels_f32,
  };
  for (const auto& table : kTables) {
    for (const LinearKernel& kernel : table()) {
      if (kernel.activations == activations && kernel.weights == weights && kernel.min_sm <= sm)
        return kernel;
    }
  }
  CHECK(false);
}

}  // namespace chitu::cuda
