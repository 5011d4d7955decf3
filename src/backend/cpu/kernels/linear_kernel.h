// What a matrix kernel is given: weights of one segment in a layout, some tokens' activations, and
// a range of rows to compute.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/cpu_options.h"
#include "backend/cpu/isa.h"
#include "backend/cpu/kernels/row_kernels.h"
#include "tensor/dtype.h"

namespace chitu::cpu {

// What a kernel reads the activations as.
enum class LinearInput : uint8_t { kFloats, kBf16, kQuantized };

// Rows of activations, each followed by zeros up to the next multiple of kInputPadding.
template <class T>
struct PaddedRows {
  T* data = nullptr;
  int64_t stride = 0;

  T* row(int64_t i) const { return data + i * stride; }
};

inline constexpr int64_t kInputPadding = 32;

// y[t, row] = sum over k of w[row, k] * x[t, k] + bias[row]
struct LinearCall {
  const std::byte* weights = nullptr;
  int64_t rows = 0;  // of the segment
  int64_t cols = 0;
  int64_t tokens = 0;
  // One of these, which the kernel's LinearInput names.
  PaddedRows<float> floats{};
  PaddedRows<uint16_t> bf16{};
  QuantizedRow quantized{};     // in panels
  const float* bias = nullptr;  // [rows], optional
  float* y = nullptr;           // [tokens, rows], rows y_stride apart
  int64_t y_stride = 0;
  float* scratch =
      nullptr;  // of the calling thread: scratch_rows * cols, cols padded as activations are
};

inline constexpr int kMaxScratchRows = 16;

// Quantized activations lie in panels of the kernel's own number of tokens, a power of two, as many
// as there are; then one each of the halves that remain (of 21 tokens and panels of 8: 8, 8, 4, 1).
// A panel of n tokens that begins with token t starts at t * cols of q, its tokens interleaved: by
// words of 4 codes; in panels of kBlockPanel tokens by blocks of 32.
inline int64_t panel_tokens(int64_t left, int64_t panel) {
  while (panel > left) panel /= 2;
  return panel;
}
inline constexpr int kBlockPanel = 16;

// Computes rows [begin, end); begin is a multiple of the layout's row_unit.
using Multiply = void (*)(const LinearCall& call, int64_t begin, int64_t end);

enum class LayoutKind : uint8_t {
  kRowMajor,   // as the checkpoint has it
  kAffine16,   // affine_format.h
  kColumns16,  // interleaved_format.h
  kPairs16,    // interleaved_format.h
};

// A row of the table of matrix kernels (linear_table.h).
struct LinearKernel {
  DType format;
  Isa isa;
  Arithmetic arithmetic;
  LayoutKind layout;
  LinearInput input;
  int panel;  // most tokens of a panel of LinearCall::quantized; 0 for kernels that read others
  int scratch_rows;
  Multiply multiply;
};

}  // namespace chitu::cpu
