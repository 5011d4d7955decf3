// Weights in pieces of 16 bytes, and what the plain kernels and those that unpack do with them.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>

#include "backend/cuda/kernels/device.cuh"
#include "backend/cuda/kernels/linear/e4m3.cuh"

namespace chitu::cuda {

// Codes of kF8_G128.
enum class E4m3 : uint8_t {};
inline constexpr int kGroupCols = 128;

template <class W>
inline constexpr int kPieceValues = 16 / static_cast<int>(sizeof(W));

// 16 bytes that are read once, which shall not push out of the cache what is read again. Not
// volatile: loads of several pieces may be put before what is done with the first.
__device__ __forceinline__ uint4 load_once(const std::byte* from) {
  uint4 v;
  asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
      : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
      : "l"(from));
  return v;
}

// The same, or zeros where not `valid`, without a branch; nothing is read then.
__device__ __forceinline__ uint4 load_once_if(bool valid, const std::byte* from) {
  uint4 v;
  asm("{\n"
      "  .reg .pred p;\n"
      "  setp.ne.s32 p, %5, 0;\n"
      "  mov.u32 %0, 0;\n"
      "  mov.u32 %1, 0;\n"
      "  mov.u32 %2, 0;\n"
      "  mov.u32 %3, 0;\n"
      "  @p ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];\n"
      "}"
      : "=&r"(v.x), "=&r"(v.y), "=&r"(v.z), "=&r"(v.w)
      : "l"(from), "r"(static_cast<int>(valid)));
  return v;
}

// The same for what other warps read too.
__device__ __forceinline__ uint4 load_if(bool valid, const void* from) {
  uint4 v;
  asm("{\n"
      "  .reg .pred p;\n"
      "  setp.ne.s32 p, %5, 0;\n"
      "  mov.u32 %0, 0;\n"
      "  mov.u32 %1, 0;\n"
      "  mov.u32 %2, 0;\n"
      "  mov.u32 %3, 0;\n"
      "  @p ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];\n"
      "}"
      : "=&r"(v.x), "=&r"(v.y), "=&r"(v.z), "=&r"(v.w)
      : "l"(from), "r"(static_cast<int>(valid)));
  return v;
}

// The values of a piece, without their scale.
template <class W>
__device__ __forceinline__ void decode_piece(const uint4& piece, float (&values)[kPieceValues<W>]) {
  const W* from = reinterpret_cast<const W*>(&piece);
#pragma unroll
  for (int i = 0; i < kPieceValues<W>; ++i) {
    if constexpr (sizeof(W) == 1) {
      values[i] = e4m3_to_float(static_cast<uint32_t>(from[i]));
    } else {
      values[i] = to_float(from[i]);
    }
  }
}

}  // namespace chitu::cuda
