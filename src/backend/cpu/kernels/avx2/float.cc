#include "backend/cpu/kernels/avx2/vec.h"
#include "backend/cpu/kernels/float_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"

namespace chitu::cpu {

std::span<const LinearKernel> float_kernels_avx2() { return kFloatKernels<avx2::Vec, Isa::kAvx2>; }

}  // namespace chitu::cpu
