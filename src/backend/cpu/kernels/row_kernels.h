// Kernels over one row of floats, one table of them an instruction set.
#pragma once

#include <cstdint>

#include "ops/descs.h"
#include "tensor/format/q8_0.h"

namespace chitu::cpu {

// A row of activations in 8 bits: x[i] is about d[i / 32] * q[i]. Rows may be interleaved: single d
// and sums are then `stride` apart, blocks of 32 codes 32 * stride, and words of 4 codes in a block
// 4 * word_stride.
struct QuantizedRow {
  int8_t* q;
  float* d;             // [n / 32]
  int32_t* minus_sums;  // [n / 32][3]: of q, minus the sums of a block's halves and of the whole
  int64_t stride = 1;
  int64_t word_stride = 1;
};

// Of some values: how many there are, and their sum.
struct Mass {
  int64_t count = 0;
  double sum = 0.0;
};

inline constexpr int64_t kMaximaBlock = 64;

struct RowKernels {
  void (*add)(const float* a, const float* b, float* y, int64_t n);
  void (*scale)(float* x, float factor, int64_t n);
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, int64_t n);
  // x[i], x[i + n] -> act(x[i]) * x[i + n]
  void (*gated)(Activation activation, const float* gate_up, float* y, int64_t n);
  // Rotates the pairs (x[i], x[i + n]).
  void (*rotate_halves)(float* x, const float* cos, const float* sin, int64_t n);
  void (*to_half)(const float* x, uint16_t* y, int64_t n);
  void (*to_bf16)(const float* x, uint16_t* y, int64_t n);
  // n % 32 == 0; as encode_block() of tensor/format/q8_0.h
  void (*to_q8_0)(const float* x, BlockQ8_0* y, int64_t n);
  // n % 32 == 0
  void (*quantize)(const float* x, const QuantizedRow& y, int64_t n);
  // x[i] = exp((x[i] - largest) * factor). NaN counts as minus infinity.
  void (*softmax_terms)(float* x, float largest, float factor, int64_t n);
  // The values of at least `least`, which are not negative.
  Mass (*mass)(const float* x, int64_t n, float least);
  // Writes the indices of values of at least `least`, ascending, and returns their number.
  int64_t (*at_least)(const float* x, int64_t n, float least, int32_t* indices);
  // The largest of every kMaximaBlock values; of those that are not NaN, or minus infinity.
  void (*block_maxima)(const float* x, int64_t n, float* maxima);
  float (*largest)(const float* x, int64_t n);  // of the values that are not NaN; or minus infinity
};

const RowKernels& row_kernels_scalar();
const RowKernels& row_kernels_neon();
const RowKernels& row_kernels_avx2();
const RowKernels& row_kernels_avx512();
const RowKernels& row_kernels_avx512_bf16();

}  // namespace chitu::cpu
