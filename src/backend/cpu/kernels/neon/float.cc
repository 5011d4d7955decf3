#include "backend/cpu/kernels/float_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"
#include "backend/cpu/kernels/neon/vec.h"

namespace chitu::cpu {

std::span<const LinearKernel> float_kernels_neon() { return kFloatKernels<neon::Vec, Isa::kNeon>; }

}  // namespace chitu::cpu
