// What kernels of every kind use: numbers to float and back, 16-byte accesses, sums over a warp and
// a block.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace chitu::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffU;

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }
__device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

// Rounds to nearest, ties to even.
template <class T>
__device__ __forceinline__ T from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

// kSize neighbouring values, read and written in one access where kSize * sizeof(T) is one: 16
// bytes at most.
template <class T, int kSize>
struct alignas(kSize * sizeof(T)) Pack {
  T values[kSize];
};

// Values of a 16-byte access.
template <class T>
inline constexpr int kPackSize = 16 / static_cast<int>(sizeof(T));

template <int kSize, class T>
__device__ __forceinline__ void load(const T* from, float (&values)[kSize]) {
  const auto pack = *reinterpret_cast<const Pack<T, kSize>*>(from);
#pragma unroll
  for (int i = 0; i < kSize; ++i) values[i] = to_float(pack.values[i]);
}
// A pack of floats may be larger than one access.
template <int kSize>
__device__ __forceinline__ void load(const float* from, float (&values)[kSize]) {
  constexpr int kPart = kSize < 4 ? kSize : 4;
#pragma unroll
  for (int i = 0; i < kSize; i += kPart) {
    const auto pack = *reinterpret_cast<const Pack<float, kPart>*>(from + i);
#pragma unroll
    for (int j = 0; j < kPart; ++j) values[i + j] = pack.values[j];
  }
}

template <int kSize, class T>
__device__ __forceinline__ void store(T* to, const float (&values)[kSize]) {
  Pack<T, kSize> pack;
#pragma unroll
  for (int i = 0; i < kSize; ++i) pack.values[i] = from_float<T>(values[i]);
  *reinterpret_cast<Pack<T, kSize>*>(to) = pack;
}
template <int kSize>
__device__ __forceinline__ void store(float* to, const float (&values)[kSize]) {
  constexpr int kPart = kSize < 4 ? kSize : 4;
#pragma unroll
  for (int i = 0; i < kSize; i += kPart) {
    Pack<float, kPart> pack;
#pragma unroll
    for (int j = 0; j < kPart; ++j) pack.values[j] = values[i + j];
    *reinterpret_cast<Pack<float, kPart>*>(to + i) = pack;
  }
}

// The sum over the warp, in every lane; the order of additions is fixed.
__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(kAllLanes, x, offset);
  return x;
}

// The sum over the block, in every thread. Threads in whole warps; `sums`: one float a warp, in
// shared memory, not to be used again before the next barrier.
__device__ __forceinline__ float block_sum(float x, float* sums) {
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  x = warp_sum(x);
  if (lane == 0) sums[threadIdx.x / kWarp] = x;
  __syncthreads();
  return warp_sum(lane < warps ? sums[lane] : 0.0F);
}

}  // namespace chitu::cuda
