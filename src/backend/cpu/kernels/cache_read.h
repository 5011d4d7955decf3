// Vectors of float from a row of the KV cache in any of its formats: load(row, i) reads the values
// from i on, load_n(row, i, n) the first n of them, the rest being zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tensor/format/q8_0.h"

namespace chitu::cpu {

template <class V>
struct CacheF32 {
  static typename V::F load(const std::byte* row, int64_t i) {
    return V::load(reinterpret_cast<const float*>(row) + i);
  }
  static typename V::F load_n(const std::byte* row, int64_t i, int n) {
    return V::load_n(reinterpret_cast<const float*>(row) + i, n);
  }
};

template <class V, auto kLoad>
struct Cache16Bits {
  static typename V::F load(const std::byte* row, int64_t i) {
    return kLoad(reinterpret_cast<const uint16_t*>(row) + i);
  }
  static typename V::F load_n(const std::byte* row, int64_t i, int n) {
    uint16_t padded[V::kWidth] = {};
    std::memcpy(padded, reinterpret_cast<const uint16_t*>(row) + i,
                static_cast<std::size_t>(n) * sizeof(uint16_t));
    return kLoad(padded);
  }
};
template <class V>
using CacheF16 = Cache16Bits<V, &V::load_f16>;
template <class V>
using CacheBF16 = Cache16Bits<V, &V::load_bf16>;

// Rows are whole blocks, and blocks whole vectors.
template <class V>
struct CacheQ8_0 {
  static typename V::F load(const std::byte* row, int64_t i) {
    const auto& block = reinterpret_cast<const BlockQ8_0*>(row)[i / BlockQ8_0::kElements];
    return V::mul(V::load_i8(block.qs + i % BlockQ8_0::kElements), V::set1_f16(block.d));
  }
  static typename V::F load_n(const std::byte* row, int64_t i, int) { return load(row, i); }
};

}  // namespace chitu::cpu
