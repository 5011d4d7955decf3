// The row kernels (row_kernels.h), written once over a vector type V; included by one source file
// an instruction set.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/cpu/kernels/quantize_row.h"
#include "backend/cpu/kernels/row_kernels.h"
#include "backend/cpu/kernels/vec_math.h"
#include "tensor/format/bf16.h"
#include "tensor/format/half.h"

namespace chitu::cpu {

template <class V>
struct RowTemplates {
  using F = typename V::F;

  static void add(const float* a, const float* b, float* y, int64_t n) {
    for_lanes<V>(n, [&](int64_t i, auto load, auto store) {
      store(y + i, V::add(load(a + i), load(b + i)));
    });
  }

  static void scale(float* x, float factor, int64_t n) {
    const F f = V::set1(factor);
    for_lanes<V>(n,
                 [&](int64_t i, auto load, auto store) { store(x + i, V::mul(load(x + i), f)); });
  }

  static void rms_norm(const float* x, const float* weight, float eps, float* y, int64_t n) {
    F squares = V::set1(0.0F);
    for_lanes<V>(n, [&](int64_t i, auto load, auto) {
      const F v = load(x + i);
      squares = V::fma(v, v, squares);
    });
    const F s = V::set1(1.0F / std::sqrt(V::sum(squares) / static_cast<float>(n) + eps));
    for_lanes<V>(n, [&](int64_t i, auto load, auto store) {
      store(y + i, V::mul(V::mul(load(x + i), s), load(weight + i)));
    });
  }

  static void gated(Activation activation, const float* gate_up, float* y, int64_t n) {
    const float* up = gate_up + n;
    switch (activation) {
      case Activation::kSilu:
        for_lanes<V>(n, [&](int64_t i, auto load, auto store) {
          const F x = load(gate_up + i);
          store(y + i, V::mul(times_sigmoid<V>(x, x), load(up + i)));
        });
        return;
      case Activation::kGeluTanh:  // (1 + tanh z) / 2 = 1 / (1 + e^-2z)
        for_lanes<V>(n, [&](int64_t i, auto load, auto store) {
          const F x = load(gate_up + i);
          const F cubic = V::fma(V::mul(x, x), V::mul(x, V::set1(0.044715F)), x);
          store(y + i,
                V::mul(times_sigmoid<V>(x, V::mul(cubic, V::set1(1.5957691216F))), load(up + i)));
        });
        return;
      case Activation::kGelu:
        for (int64_t i = 0; i < n; ++i) {
          const float x = gate_up[i];
          y[i] = 0.5F * x * (1.0F + std::erf(x * 0.70710678F)) * up[i];
        }
        return;
    }
  }

  static void rotate_halves(float* x, const float* cos, const float* sin, int64_t n) {
    for_lanes<V>(n, [&](int64_t i, auto load, auto store) {
      const F a = load(x + i);
      const F b = load(x + n + i);
      const F c = load(cos + i);
      const F s = load(sin + i);
      store(x + i, V::sub(V::mul(a, c), V::mul(b, s)));
      store(x + n + i, V::fma(b, c, V::mul(a, s)));
    });
  }

  template <void (*kVector)(uint16_t*, F), uint16_t (*kOne)(float)>
  static void narrow(const float* x, uint16_t* y, int64_t n) {
    int64_t i = 0;
    for (; i + V::kWidth <= n; i += V::kWidth) kVector(y + i, V::load(x + i));
    for (; i < n; ++i) y[i] = kOne(x[i]);
  }

  static void to_q8_0(const float* x, BlockQ8_0* y, int64_t n) {
    for (; n > 0; n -= 32, x += 32, ++y) {
      F magnitude = V::set1(0.0F);
      for (int i = 0; i < 32; i += V::kWidth)
        magnitude = V::max_magnitude(V::abs(V::load(x + i)), magnitude);
      constexpr uint32_t kAllLanes = (1U << V::kWidth) - 1;
      const bool is_nan = V::at_least(magnitude, V::set1(0.0F)) != kAllLanes;
      const float inverse =
          set_scale(*y, is_nan ? std::numeric_limits<float>::quiet_NaN() : V::largest(magnitude));
      for (int i = 0; i < 32; i += V::kWidth) {
        const F code = V::mul(V::load(x + i), V::set1(inverse));
        const F most = V::set1(-127.0F);
        const F zero = V::set1(0.0F);
        V::store_i8(y->qs + i, V::sub(zero, V::max(V::sub(zero, V::max(code, most)), most)));
      }
    }
  }

  static void softmax_terms(float* x, float largest, float factor, int64_t n) {
    const F top = V::set1(largest);
    const F f = V::set1(factor);
    const F lowest = V::set1(-1e30F);
    for_lanes<V>(n, [&](int64_t i, auto load, auto store) {
      // Of max(a, b), a NaN in a gives b.
      store(x + i, cpu::exp<V>(V::mul(V::sub(V::max(load(x + i), lowest), top), f)));
    });
  }

  // Sums of a few hundred values in float, and of those in double.
  static Mass mass(const float* x, int64_t n, float least) {
    constexpr int64_t kAtOnce = 32 * V::kWidth;
    const F limit = V::set1(least);
    Mass result;
    int64_t i = 0;
    for (; i + V::kWidth <= n;) {
      const int64_t end = std::min(n - V::kWidth + 1, i + kAtOnce);
      F sum = V::set1(0.0F);
      for (; i < end; i += V::kWidth) {
        const F v = V::load(x + i);
        result.count += std::popcount(V::at_least(v, limit));
        sum = V::add(sum, V::zero_below(limit, v, v));
      }
      result.sum += V::sum(sum);
    }
    for (; i < n; ++i) {
      if (x[i] < least) continue;
      ++result.count;
      result.sum += x[i];
    }
    return result;
  }

  static int64_t at_least(const float* x, int64_t n, float least, int32_t* indices) {
    const F limit = V::set1(least);
    int64_t count = 0;
    int64_t i = 0;
    for (; i + V::kWidth <= n; i += V::kWidth) {
      for (uint32_t lanes = V::at_least(V::load(x + i), limit); lanes != 0; lanes &= lanes - 1)
        indices[count++] = static_cast<int32_t>(i + std::countr_zero(lanes));
    }
    for (; i < n; ++i) {
      if (x[i] >= least) indices[count++] = static_cast<int32_t>(i);
    }
    return count;
  }

  static void block_maxima(const float* x, int64_t n, float* maxima) {
    for (int64_t i = 0; i < n; i += kMaximaBlock)
      *maxima++ = largest(x + i, std::min(n - i, kMaximaBlock));
  }

  static float largest(const float* x, int64_t n) {
    const float none = -std::numeric_limits<float>::infinity();
    F best = V::set1(none);
    int64_t i = 0;
    for (; i + V::kWidth <= n; i += V::kWidth) best = V::max(V::load(x + i), best);
    float result = V::largest(best);
    for (; i < n; ++i) result = x[i] > result ? x[i] : result;
    return result;
  }

  static constexpr RowKernels table() {
    return {.add = add,
            .scale = scale,
            .rms_norm = rms_norm,
            .gated = gated,
            .rotate_halves = rotate_halves,
            .to_half = narrow<V::store_f16, float_to_half>,
            .to_bf16 = narrow<V::store_bf16, float_to_bf16>,
            .to_q8_0 = to_q8_0,
            .quantize = QuantizeRow<V>::run,
            .softmax_terms = softmax_terms,
            .mass = mass,
            .at_least = at_least,
            .block_maxima = block_maxima,
            .largest = largest};
  }
};

}  // namespace chitu::cpu
