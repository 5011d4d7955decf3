#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/avx512/vec.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {

std::span<const LinearKernel> affine_kernels_avx512() {
  return kAffineKernels<avx512::Dot, Isa::kAvx512Vnni>;
}

}  // namespace chitu::cpu
