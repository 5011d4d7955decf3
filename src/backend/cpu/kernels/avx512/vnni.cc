#include "backend/cpu/kernels/avx512/vnni.h"

#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {

std::span<const LinearKernel> affine_kernels_avx512_vnni() {
  return kAffineKernels<avx512::VnniDot, Isa::kAvx512Vnni>;
}

}  // namespace chitu::cpu
