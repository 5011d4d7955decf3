// Vectors of float from memory that holds F32, F16 or BF16.
#pragma once

#include <cstdint>
#include <cstring>

namespace chitu::cpu {

template <class V>
struct ReadF32 {
  using Element = float;
  static typename V::F load(const float* p) { return V::load(p); }
  static typename V::F load_n(const float* p, int n) { return V::load_n(p, n); }
};

template <class V, auto kLoad>
struct Read16Bits {
  using Element = uint16_t;
  static typename V::F load(const uint16_t* p) { return kLoad(p); }
  static typename V::F load_n(const uint16_t* p, int n) {
    uint16_t padded[V::kWidth] = {};
    std::memcpy(padded, p, static_cast<std::size_t>(n) * sizeof(uint16_t));
    return kLoad(padded);
  }
};

template <class V>
using ReadF16 = Read16Bits<V, &V::load_f16>;
template <class V>
using ReadBF16 = Read16Bits<V, &V::load_bf16>;

}  // namespace chitu::cpu
