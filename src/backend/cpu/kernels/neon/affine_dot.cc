// With dot products of bytes (FEAT_DotProd).
#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"
#include "backend/cpu/kernels/neon/vec.h"

namespace chitu::cpu {
namespace {

struct Dot : neon::DotBase {
  template <int kBits>
  static Products multiply_add(const Products& acc, const Codes& u, int32_t x4) {
    const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(x4));
    return four([&](int i) { return vdotq_s32(acc.v[i], as_signed<kBits>(u.v[i]), x); });
  }
};

}  // namespace

std::span<const LinearKernel> affine_kernels_neon_dot() {
  return kAffineKernels<Dot, Isa::kNeonDot>;
}

}  // namespace chitu::cpu
