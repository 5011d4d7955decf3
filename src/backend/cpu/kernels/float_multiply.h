// The kernels with float activations, written once over a vector type V; included by one source
// file an instruction set.
#pragma once

#include <type_traits>
#include <utility>

#include "backend/cpu/kernels/decoded_multiply.h"
#include "backend/cpu/kernels/interleaved_multiply.h"
#include "tensor/format/grouped_blocks.h"
#include "tensor/format/q2_k.h"
#include "tensor/format/q3_k.h"
#include "tensor/format/q4_0.h"
#include "tensor/format/q4_1.h"
#include "tensor/format/q4_k.h"
#include "tensor/format/q5_0.h"
#include "tensor/format/q5_1.h"
#include "tensor/format/q5_k.h"
#include "tensor/format/q6_k.h"
#include "tensor/format/q8_0.h"

namespace chitu::cpu {

// The readers of InterleavedMultiply whose steps multiply one column.
template <class V>
struct ReadFloats {
  using Vec = V;
  using Weights = typename V::F;
  using Input = float;
  // The sums leave registers, of 32 or 16, for weights and an activation.
  static constexpr int kTileSums = V::kWidth == 8 ? 12 : V::kWidth == 1 ? 16 : 24;
  static constexpr int kTileTokens = V::kWidth == 16 ? 12 : V::kWidth == 1 ? 1 : 6;
  using TileUnits =
      std::conditional_t<V::kWidth == 16, std::integer_sequence<int, 8, 4, 3, 2>,
                         std::conditional_t<V::kWidth != 1, std::integer_sequence<int, 2, 1>,
                                            std::integer_sequence<int, 1>>>;

  static PaddedRows<float> input(const LinearCall& call) { return call.floats; }
  static Weights activation(const float* x) { return V::set1(*x); }
  static Weights multiply_add(Weights w, Weights x, typename V::F sum) { return V::fma(w, x, sum); }
};

template <class V>
struct ReadF32Items : ReadFloats<V> {
  static constexpr LayoutKind kLayout = LayoutKind::kColumns16;
  using Value = float;
  static constexpr InterleavedFormat kFormat = interleaved_format(kLayout, DType::kF32);
  static constexpr int kSteps = 1;
  template <int kStep>
  static typename V::F load(const float* p) {
    return V::load(p);
  }
};

template <class V>
struct ReadF16Items : ReadFloats<V> {
  static constexpr LayoutKind kLayout = LayoutKind::kColumns16;
  using Value = uint16_t;
  static constexpr InterleavedFormat kFormat = interleaved_format(kLayout, DType::kF16);
  static constexpr int kSteps = 1;
  template <int kStep>
  static typename V::F load(const uint16_t* p) {
    return V::load_f16(p);
  }
};

template <class V>
struct ReadBF16Items : ReadFloats<V> {
  static constexpr LayoutKind kLayout = LayoutKind::kPairs16;
  using Value = uint16_t;
  static constexpr InterleavedFormat kFormat = interleaved_format(kLayout, DType::kBF16);
  static constexpr int kSteps = 2;
  template <int kStep>
  static typename V::F load(const uint16_t* p) {
    return kStep == 0 ? V::load_bf16_even(p) : V::load_bf16_odd(p);
  }
};

template <class V, Isa kIsa, template <class> class Read>
constexpr LinearKernel interleaved_kernel(DType format) {
  return {.format = format,
          .isa = kIsa,
          .arithmetic = Arithmetic::kFloat32,
          .layout = Read<V>::kLayout,
          .input = LinearInput::kFloats,
          .panel = 0,
          .scratch_rows = 0,
          .multiply = InterleavedMultiply<Read<V>>::run};
}

template <class V, Isa kIsa, class Block>
constexpr LinearKernel decoded_kernel(DType format) {
  return {.format = format,
          .isa = kIsa,
          .arithmetic = Arithmetic::kFloat32,
          .layout = LayoutKind::kRowMajor,
          .input = LinearInput::kFloats,
          .panel = 0,
          .scratch_rows = kPanelRows,
          .multiply = multiply_decoded<V, Block>};
}

template <class V, Isa kIsa>
inline constexpr LinearKernel kFloatKernels[] = {
    interleaved_kernel<V, kIsa, ReadF32Items>(DType::kF32),
    interleaved_kernel<V, kIsa, ReadF16Items>(DType::kF16),
    interleaved_kernel<V, kIsa, ReadBF16Items>(DType::kBF16),
    decoded_kernel<V, kIsa, BlockQ8_0>(DType::kQ8_0),
    decoded_kernel<V, kIsa, BlockQ4_0>(DType::kQ4_0),
    decoded_kernel<V, kIsa, BlockQ4_1>(DType::kQ4_1),
    decoded_kernel<V, kIsa, BlockQ5_0>(DType::kQ5_0),
    decoded_kernel<V, kIsa, BlockQ5_1>(DType::kQ5_1),
    decoded_kernel<V, kIsa, BlockQ2_K>(DType::kQ2_K),
    decoded_kernel<V, kIsa, BlockQ3_K>(DType::kQ3_K),
    decoded_kernel<V, kIsa, BlockQ4_K>(DType::kQ4_K),
    decoded_kernel<V, kIsa, BlockQ5_K>(DType::kQ5_K),
    decoded_kernel<V, kIsa, BlockQ6_K>(DType::kQ6_K),
    decoded_kernel<V, kIsa, BlockI4<32>>(DType::kI4_G32),
    decoded_kernel<V, kIsa, BlockI4<64>>(DType::kI4_G64),
    decoded_kernel<V, kIsa, BlockI4<128>>(DType::kI4_G128),
    decoded_kernel<V, kIsa, BlockI8<32>>(DType::kI8_G32),
    decoded_kernel<V, kIsa, BlockI8<64>>(DType::kI8_G64),
    decoded_kernel<V, kIsa, BlockI8<128>>(DType::kI8_G128),
    decoded_kernel<V, kIsa, BlockF8<128>>(DType::kF8_G128),
};

}  // namespace chitu::cpu
