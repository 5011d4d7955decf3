// The arithmetic of softmax over parts of the keys. Every kernel of this folder folds with these,
// and none of them leaves it to the compiler whether a product and a sum are rounded once or twice:
// the same part must come out of each to the last bit.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels/attention/attention_args.h"
#include "backend/cuda/kernels/device.cuh"

namespace chitu::cuda {

inline constexpr float kMinusInfinity = -__builtin_huge_valf();

// 2^x, within 2 units in the last place; 0 for results below the normal range.
__device__ __forceinline__ float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// A score from the product of query and key. `cap` is the same for all.
__device__ __forceinline__ float score_of(float product, float scale, float cap) {
  const float score = __fmul_rn(product, scale);
  return cap > 0.0F ? __fmul_rn(cap, tanhf(score)) : score;
}

// What to subtract from scores: the maximum, or 0 where nothing was seen, for the difference of two
// infinities is no number. NaN is no maximum, but scores of NaN stay NaN.
__device__ __forceinline__ float finite_or_zero(float maximum) {
  return maximum == kMinusInfinity ? 0.0F : maximum;
}

// Two parts are merged by multiplying each with its factor; a part that saw no keys (maximum minus
// infinity, sums 0) changes nothing.
struct MergeFactors {
  float maximum;
  float whole;
  float piece;
};
__device__ __forceinline__ MergeFactors merge_factors(float whole_maximum, float piece_maximum) {
  const float maximum = fmaxf(whole_maximum, piece_maximum);
  const float zero = finite_or_zero(maximum);
  return {maximum, power_of_two(__fsub_rn(whole_maximum, zero)),
          power_of_two(__fsub_rn(piece_maximum, zero))};
}
__device__ __forceinline__ float merged(float whole, float piece, const MergeFactors& factors) {
  return __fmaf_rn(piece, factors.piece, __fmul_rn(whole, factors.whole));
}

// What the sums of values are multiplied by in the end. A row without any key comes out as NaN.
__device__ __forceinline__ float normalizer(float sum) { return __frcp_rn(sum); }

// One value of q, k, v or out in whatever type. Q8_0 of a row that starts at a block's start.
__device__ __forceinline__ float load_value(const void* data, DType dtype, int64_t i) {
  switch (dtype) {
    case DType::kF16:
      return to_float(static_cast<const __half*>(data)[i]);
    case DType::kBF16:
      return to_float(static_cast<const __nv_bfloat16*>(data)[i]);
    case DType::kQ8_0: {
      constexpr int kElements = 32;
      constexpr int kBytes = 34;
      const auto* block = static_cast<const uint8_t*>(data) + i / kElements * kBytes;
      const float scale = to_float(*reinterpret_cast<const __half*>(block));
      return scale * static_cast<float>(static_cast<int8_t>(block[2 + i % kElements]));
    }
    default:
      return static_cast<const float*>(data)[i];
  }
}

__device__ __forceinline__ void store_value(void* data, DType dtype, int64_t i, float value) {
  switch (dtype) {
    case DType::kF16:
      static_cast<__half*>(data)[i] = from_float<__half>(value);
      break;
    case DType::kBF16:
      static_cast<__nv_bfloat16*>(data)[i] = from_float<__nv_bfloat16>(value);
      break;
    default:
      static_cast<float*>(data)[i] = value;
  }
}

}  // namespace chitu::cuda
