#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"
#include "backend/cpu/kernels/scalar/vec.h"

namespace chitu::cpu {

std::span<const LinearKernel> affine_kernels_scalar() {
  return kAffineKernels<scalar::Dot, Isa::kScalar>;
}

}  // namespace chitu::cpu
