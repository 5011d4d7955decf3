// From run-time values to types and constants, once, at the edge.
//
//   dispatch_float(op.x.dtype, [&]<class T>() { launch<T>(...); });
//   dispatch<64, 128, 256>(head_dim, [&]<int kDim>() { launch<kDim>(...); });
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "base/check.h"
#include "tensor/dtype.h"

namespace chitu::cuda {

// The device's type of a float dtype: float, __half or __nv_bfloat16. For activations, norms'
// operands and caches alike.
// REQUIRES: dtype is kF32, kF16 or kBF16.
template <class F>
void dispatch_float(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f.template operator()<float>();
    case DType::kF16:
      return f.template operator()<__half>();
    case DType::kBF16:
      return f.template operator()<__nv_bfloat16>();
    default:
      CHECK(false);
  }
}

// The same for Context::activations.
template <class F>
void dispatch_activation(DType dtype, F&& f) {
  dispatch_float(dtype, static_cast<F&&>(f));
}

// Calls f<kValue>() with the one of kValues that equals `value`; false where none does.
template <int... kValues, class F>
bool dispatch(int64_t value, F&& f) {
  return ((value == kValues ? (f.template operator()<kValues>(), true) : false) || ...);
}

template <class F>
void dispatch_bool(bool value, F&& f) {
  if (value) return f.template operator()<true>();
  f.template operator()<false>();
}

}  // namespace chitu::cuda
