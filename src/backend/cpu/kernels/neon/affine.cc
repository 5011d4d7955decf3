// Without dot products of bytes, as the first processors of 64-bit ARM are.
#include "backend/cpu/kernels/affine_multiply.h"
#include "backend/cpu/kernels/linear_tables.h"
#include "backend/cpu/kernels/neon/vec.h"

namespace chitu::cpu {
namespace {

struct Dot : neon::DotBase {
  template <int kBits>
  static Products multiply_add(const Products& acc, const Codes& u, int32_t x4) {
    const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(x4));
    return four([&](int i) {
      const int8x16_t a = as_signed<kBits>(u.v[i]);
      const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(x));
      // Two products fit into 16 bits: at most 2 * 128 * 127.
      return vpadalq_s16(acc.v[i], vpaddq_s16(low, vmull_high_s8(a, x)));
    });
  }
};

}  // namespace

std::span<const LinearKernel> affine_kernels_neon() { return kAffineKernels<Dot, Isa::kNeon>; }

}  // namespace chitu::cpu
