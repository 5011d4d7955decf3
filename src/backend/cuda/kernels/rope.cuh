// The rotation of one pair of a head's values by its angle.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels/device.cuh"

namespace chitu::cuda {

// The values of pair i of a head whose rotary_dim is 2 * half.
template <bool kInterleaved>
struct Pair {
  int first;
  int second;

  __device__ __forceinline__ Pair(int i, int half)
      : first(kInterleaved ? 2 * i : i), second(kInterleaved ? 2 * i + 1 : i + half) {}
};

__device__ __forceinline__ void rotate(float& a, float& b, float cos, float sin) {
  const float first = a * cos - b * sin;
  b = b * cos + a * sin;
  a = first;
}

}  // namespace chitu::cuda
