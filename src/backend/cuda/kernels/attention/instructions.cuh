// Instructions that C++ has no words for: matrix products of a warp, matrix loads from shared
// memory, asynchronous copies into it. All need sm_80; in code for older chips, where the table of
// kernels (attention_table.cc) never sends them, they trap.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace chitu::cuda {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define CHITU_SM80_ASM(...) __trap()
#else
#define CHITU_SM80_ASM(...) asm volatile(__VA_ARGS__)
#endif

__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

// Copies 16 bytes, both ends aligned; writes zeros where not `valid`, and reads nothing then.
__device__ __forceinline__ void copy_async(uint32_t to, const void* from, bool valid) {
  [[maybe_unused]] const int bytes = valid ? 16 : 0;
  CHITU_SM80_ASM("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes)
                 : "memory");
}
__device__ __forceinline__ void copy_async_commit() {
  CHITU_SM80_ASM("cp.async.commit_group;" ::: "memory");
}
// Waits until all but the last kPending groups of this thread have arrived.
template <int kPending>
__device__ __forceinline__ void copy_async_wait() {
  CHITU_SM80_ASM("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// Four matrices of 8 rows of 16 bytes. Lane i gives the address of row i % 8 of matrix i / 8, and
// gets of each the values 2 * (i % 4) and the next of row i / 4; of the transposed matrix, of its
// column i / 4.
__device__ __forceinline__ void load_matrices(uint32_t (&to)[4], uint32_t address) {
  CHITU_SM80_ASM("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
}
__device__ __forceinline__ void load_matrices_transposed(uint32_t (&to)[4], uint32_t address) {
  CHITU_SM80_ASM("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
}

// c += a b, with a [16, 16], b [16, 8] and c [16, 8] in float. Lane i holds rows i / 4 and
// i / 4 + 8 of c, columns 2 * (i % 4) and the next.
template <class T>
__device__ __forceinline__ void multiply_add(float (&c)[4], const uint32_t (&a)[4], uint32_t b0,
                                             uint32_t b1);
template <>
__device__ __forceinline__ void multiply_add<__half>(float (&c)[4], const uint32_t (&a)[4],
                                                     uint32_t b0, uint32_t b1) {
  CHITU_SM80_ASM(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <>
__device__ __forceinline__ void multiply_add<__nv_bfloat16>(float (&c)[4], const uint32_t (&a)[4],
                                                            uint32_t b0, uint32_t b1) {
  CHITU_SM80_ASM(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#undef CHITU_SM80_ASM

// Two values rounded to T, the first in the lower half.
template <class T>
__device__ __forceinline__ uint32_t pair_of(float low, float high);
template <>
__device__ __forceinline__ uint32_t pair_of<__half>(float low, float high) {
  const __half2 pair = __floats2half2_rn(low, high);
  return reinterpret_cast<const uint32_t&>(pair);
}
template <>
__device__ __forceinline__ uint32_t pair_of<__nv_bfloat16>(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return reinterpret_cast<const uint32_t&>(pair);
}

// The bits of a T's exponent: all set in infinities and NaN.
template <class T>
inline constexpr uint32_t kExponentBits = 0x7c00;
template <>
inline constexpr uint32_t kExponentBits<__nv_bfloat16> = 0x7f80;

// A pair with zeros for what is not finite.
template <class T>
__device__ __forceinline__ uint32_t finite_or_zero_pair(uint32_t pair) {
  constexpr uint32_t kBits = kExponentBits<T>;
  if ((pair & kBits) == kBits) pair &= 0xffff0000U;
  if ((pair >> 16 & kBits) == kBits) pair &= 0x0000ffffU;
  return pair;
}
template <class T>
__device__ __forceinline__ bool is_finite_pair(uint32_t pair) {
  return finite_or_zero_pair<T>(pair) == pair;
}

}  // namespace chitu::cuda
