#include "backend/cpu/kernels/avx512/vec.h"
#include "backend/cpu/kernels/float_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {

std::span<const LinearKernel> float_kernels_avx512() {
  return kFloatKernels<avx512::Vec, Isa::kAvx512>;
}

}  // namespace chitu::cpu
