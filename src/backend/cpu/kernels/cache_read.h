// Vectors of float from the KV cache in any of its formats.
//
// bytes(head_dim) are what one token takes. Values are rows: load(row, i) reads the values from i
// on, load_n(row, i, n) the first n of them, the rest being zero. Keys are panels (kv_layout.h):
// piece(panel, begin) is what has dimensions [begin, begin + kDims), and piece.load(i, v) vector v
// of the keys' dimension begin + i.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "backend/cpu/kernels/attention_kernel.h"
#include "tensor/format/q8_0.h"

namespace chitu::cpu {

template <class V, class T, auto kLoad>
struct ValuesPlain {
  static int64_t bytes(int64_t head_dim) { return head_dim * int64_t{sizeof(T)}; }
  static typename V::F load(const std::byte* row, int64_t i) {
    return kLoad(reinterpret_cast<const T*>(row) + i);
  }
  static typename V::F load_n(const std::byte* row, int64_t i, int n) {
    T padded[V::kWidth] = {};
    std::memcpy(padded, reinterpret_cast<const T*>(row) + i,
                static_cast<std::size_t>(n) * sizeof(T));
    return kLoad(padded);
  }
};

template <class V, class T, auto kLoad>
struct KeysPlain {
  static int64_t bytes(int64_t head_dim) { return head_dim * int64_t{sizeof(T)}; }
  static constexpr int64_t kDims = int64_t{1} << 40;  // all
  struct Piece {
    const T* at;
    typename V::F load(int64_t i, int v) const {
      return kLoad(at + i * kPanelKeys + int64_t{v} * V::kWidth);
    }
  };
  static Piece piece(const std::byte* panel, int64_t begin) {
    return {reinterpret_cast<const T*>(panel) + begin * kPanelKeys};
  }
};

// Rows are whole blocks, and blocks whole vectors.
template <class V>
struct ValuesQ8_0 {
  static int64_t bytes(int64_t head_dim) {
    return head_dim / BlockQ8_0::kElements * int64_t{sizeof(BlockQ8_0)};
  }
  static typename V::F load(const std::byte* row, int64_t i) {
    const auto& block = reinterpret_cast<const BlockQ8_0*>(row)[i / BlockQ8_0::kElements];
    return V::mul(V::load_i8(block.qs + i % BlockQ8_0::kElements), V::set1_f16(block.d));
  }
  static typename V::F load_n(const std::byte* row, int64_t i, int) { return load(row, i); }
};

template <class V>
struct KeysQ8_0 {
  static int64_t bytes(int64_t head_dim) {
    return head_dim / BlockQ8_0::kElements * int64_t{sizeof(BlockQ8_0)};
  }
  static constexpr int64_t kDims = BlockQ8_0::kElements;
  static constexpr int kVectors = kPanelKeys / V::kWidth;
  struct Piece {
    typename V::F scales[kVectors];
    const int8_t* codes;
    typename V::F load(int64_t i, int v) const {
      return V::mul(V::load_i8(codes + i * kPanelKeys + int64_t{v} * V::kWidth), scales[v]);
    }
  };
  static Piece piece(const std::byte* panel, int64_t begin) {
    const std::byte* at = panel + begin / kDims * kPanelKeys * sizeof(BlockQ8_0);
    const auto* scales = reinterpret_cast<const uint16_t*>(at);
    Piece result;
    for (int v = 0; v < kVectors; ++v)
      result.scales[v] = V::load_f16(scales + int64_t{v} * V::kWidth);
    result.codes = reinterpret_cast<const int8_t*>(scales + kPanelKeys);
    return result;
  }
};

// Calls body.operator()<Keys, Values>() with the types that read `dtype`.
template <class V, class Body>
void with_cache_format(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::kF16:
      return body.template
      operator()<KeysPlain<V, uint16_t, &V::load_f16>, ValuesPlain<V, uint16_t, &V::load_f16>>();
    case DType::kBF16:
      return body.template
      operator()<KeysPlain<V, uint16_t, &V::load_bf16>, ValuesPlain<V, uint16_t, &V::load_bf16>>();
    case DType::kQ8_0:
      return body.template operator()<KeysQ8_0<V>, ValuesQ8_0<V>>();
    default:
      return body
          .template operator()<KeysPlain<V, float, &V::load>, ValuesPlain<V, float, &V::load>>();
  }
}

}  // namespace chitu::cpu
