#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/avx2/vec.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {

std::span<const LinearKernel> affine_kernels_avx2() {
  return kAffineKernels<avx2::Dot, Isa::kAvx2>;
}

}  // namespace chitu::cpu
