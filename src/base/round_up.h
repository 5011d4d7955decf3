// Whole numbers of units. Not for src/backend/cpu/kernels, whose functions must not be shared
// between instruction sets.
#pragma once

#include <type_traits>

namespace chitu {

// n / unit, rounded up. REQUIRES: n >= 0, unit > 0.
template <class T>
constexpr T div_up(T n, std::type_identity_t<T> unit) {
  return (n + unit - 1) / unit;
}

// The least multiple of `unit` that is not less than n. REQUIRES: as above.
template <class T>
constexpr T round_up(T n, std::type_identity_t<T> unit) {
  return div_up(n, unit) * unit;
}

}  // namespace chitu
