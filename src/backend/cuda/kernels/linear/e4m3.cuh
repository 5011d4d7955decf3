// FP8 E4M3 in registers: to floats, and four codes at once to what the matrix units take.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace chitu::cuda {

// Exact; NaN too. As tensor/format/e4m3.h.
__device__ __forceinline__ float e4m3_to_float(uint32_t bits) {
  const float magnitude = __uint_as_float((bits & 0x7fU) << 20) * 0x1p120F;
  const float value = (bits & 0x80U) != 0 ? -magnitude : magnitude;
  return (bits & 0x7fU) == 0x7fU ? __uint_as_float(0x7fc00000U) : value;
}

// Four codes, the first in the lowest byte, as two pairs of T's, the first of each in the lower
// half. The values come out times E4m3Pairs<T>::kFactor, a power of two. Codes of NaN come out as
// 480 times that: no checkpoint that works has them, and looking for them would cost as much as
// the rest.
//
// A code's four bits of exponent and three of mantissa are moved to the lowest bits of T's exponent
// and the highest of its mantissa; subnormal codes are subnormal T's then. What is left is the
// difference of the biases.
template <class T>
struct E4m3Pairs;

template <>
struct E4m3Pairs<__half> {
  static constexpr float kFactor = 0x1p-8F;  // exact: T's own subnormals reach below it

  static __device__ __forceinline__ uint2 convert(uint32_t codes) {
    return {pair(__byte_perm(codes, 0, 0x1404)), pair(__byte_perm(codes, 0, 0x3424))};
  }

 private:
  // The codes are the upper bytes of each half.
  static __device__ __forceinline__ uint32_t pair(uint32_t codes) {
    return (codes & 0x80008000U) | (codes >> 1 & 0x3f803f80U);
  }
};

template <>
struct E4m3Pairs<__nv_bfloat16> {
  // Multiplied in T, where it is exact: products of what is 2^-120 of the weights would leave the
  // range of a float.
  static constexpr float kFactor = 1.0F;

  static __device__ __forceinline__ uint2 convert(uint32_t codes) {
    return {pair(__byte_perm(codes, 0, 0x1404)), pair(__byte_perm(codes, 0, 0x3424))};
  }

 private:
  static __device__ __forceinline__ uint32_t pair(uint32_t codes) {
    const uint32_t bits = (codes & 0x80008000U) | (codes >> 4 & 0x07f007f0U);
    constexpr uint16_t k2To120 = 0x7b80;
    const __nv_bfloat162 factor{__ushort_as_bfloat16(k2To120), __ushort_as_bfloat16(k2To120)};
    const __nv_bfloat162 value = __hmul2(reinterpret_cast<const __nv_bfloat162&>(bits), factor);
    return reinterpret_cast<const uint32_t&>(value);
  }
};

}  // namespace chitu::cuda
