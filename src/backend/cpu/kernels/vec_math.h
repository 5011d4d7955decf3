// Loops and functions over a vector type V (scalar/vec.h).
#pragma once

#include <cstdint>

namespace chitu::cpu {

// Calls f(i, load, store) for i = 0, W, 2W... below n, where load(p) and store(p, x) touch what is
// left of a row from p = row + i: all of W lanes, or the last n % W.
template <class V, class Body>
inline void for_lanes(int64_t n, Body&& body) {
  int64_t i = 0;
  for (; i + V::kWidth <= n; i += V::kWidth) {
    body(
        i, [](const float* p) { return V::load(p); },
        [](float* p, typename V::F x) { V::store(p, x); });
  }
  if (i < n) {
    const int left = static_cast<int>(n - i);
    body(
        i, [left](const float* p) { return V::load_n(p, left); },
        [left](float* p, typename V::F x) { V::store_n(p, x, left); });
  }
}

// NaN stays NaN everywhere: V::max(a, b) is b if either is NaN.

// e^x to about two units in the last place; 0 below -87.3, infinite above 88.3.
// x = n ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts so that r is exact (Cody and Waite), and a
// Taylor polynomial of e^r, whose next term is below 2^-26.
template <class V>
inline typename V::F exp(typename V::F x) {
  const auto lowest = V::set1(-87.3F);
  auto clamped = V::max(lowest, x);
  clamped = V::sub(V::set1(0.0F), V::max(V::set1(-89.0F), V::sub(V::set1(0.0F), clamped)));
  const auto n = V::round(V::mul(clamped, V::set1(1.44269504F)));
  auto r = V::fma(n, V::set1(-0.693359375F), clamped);
  r = V::fma(n, V::set1(2.12194440e-4F), r);
  auto p = V::set1(1.0F / 5040);
  p = V::fma(p, r, V::set1(1.0F / 720));
  p = V::fma(p, r, V::set1(1.0F / 120));
  p = V::fma(p, r, V::set1(1.0F / 24));
  p = V::fma(p, r, V::set1(1.0F / 6));
  p = V::fma(p, r, V::set1(0.5F));
  p = V::fma(p, r, V::set1(1.0F));
  p = V::fma(p, r, V::set1(1.0F));
  return V::zero_below(lowest, x, V::mul(p, V::pow2(n)));
}

// 2^x to about two units in the last place, for x <= 127; 0 below -126, minus infinity included;
// exactly 1 for 0. A polynomial of 2^f for |f| <= 1/2, of least relative error (9.2e-8) among those
// of degree 5 that are 1 at 0.
template <class V>
inline typename V::F exp2(typename V::F x) {
  const auto lowest = V::set1(-126.0F);
  const auto clamped = V::max(lowest, x);
  const auto n = V::round(clamped);
  const auto f = V::sub(clamped, n);
  auto p = V::set1(1.3264726e-3F);
  p = V::fma(p, f, V::set1(9.6715130e-3F));
  p = V::fma(p, f, V::set1(5.5507336e-2F));
  p = V::fma(p, f, V::set1(2.4022242e-1F));
  p = V::fma(p, f, V::set1(6.9314700e-1F));
  p = V::fma(p, f, V::set1(1.0F));
  return V::zero_below(lowest, x, V::mul(p, V::pow2(n)));
}

// tanh(x) = 1 - 2 / (1 + e^2x), to about 1e-7 absolutely.
template <class V>
inline typename V::F tanh(typename V::F x) {
  const auto one = V::set1(1.0F);
  const auto zero = V::set1(0.0F);
  const auto clamped = V::sub(zero, V::max(V::set1(-20.0F), V::sub(zero, x)));
  const auto e = cpu::exp2<V>(V::mul(clamped, V::set1(2.885390082F)));
  return V::sub(one, V::div(V::set1(2.0F), V::add(one, e)));
}

// x / (1 + e^-z)
template <class V>
inline typename V::F times_sigmoid(typename V::F x, typename V::F z) {
  const auto one = V::set1(1.0F);
  return V::div(x, V::add(one, cpu::exp<V>(V::sub(V::set1(0.0F), z))));
}

}  // namespace chitu::cpu
