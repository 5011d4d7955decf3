#include "backend/cpu/kernels/float_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"
#include "backend/cpu/kernels/scalar/vec.h"

namespace chitu::cpu {

std::span<const LinearKernel> float_kernels_scalar() {
  return kFloatKernels<scalar::Vec, Isa::kScalar>;
}

}  // namespace chitu::cpu
