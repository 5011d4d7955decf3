// What the kernels that multiply BF16 share: rows of their table, and units of kPairs16
// (interleaved_format.h) in F16, rounded to BF16.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "backend/cpu/kernels/interleaved_format.h"
#include "backend/cpu/kernels/linear_kernel.h"

namespace chitu::cpu::avx512 {

inline constexpr InterleavedFormat kPairs = interleaved_format(LayoutKind::kPairs16, DType::kBF16);
inline constexpr int kPairsItem = kPairs.item_bytes() / static_cast<int>(sizeof(uint16_t));

inline __m512bh load_bf16_item(const uint16_t* p) {
  return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p));
}

inline __m512bh load_f16_item(const uint16_t* p) {
  const auto* halves = reinterpret_cast<const __m256i*>(p);
  return _mm512_cvtne2ps_pbh(_mm512_cvtph_ps(_mm256_loadu_si256(halves + 1)),
                             _mm512_cvtph_ps(_mm256_loadu_si256(halves)));
}

// Units that are rounded together, in LinearCall::scratch, and the rows of scratch that takes.
inline constexpr int64_t kRoundedUnits = 2;
inline constexpr int kRoundedScratchRows =
    kRoundedUnits * kInterleavedRows * sizeof(uint16_t) / sizeof(float);

// Rows [begin, end) by way of `multiply`, which gets them as BF16.
inline void multiply_rounded(const LinearCall& call, int64_t begin, int64_t end,
                             Multiply multiply) {
  const int64_t unit_values = kPairs.items(call.cols) * kPairsItem;
  auto* rounded = reinterpret_cast<uint16_t*>(call.scratch);
  for (int64_t row = begin; row < end; row += kRoundedUnits * kInterleavedRows) {
    const int64_t stop = std::min(end, row + kRoundedUnits * kInterleavedRows);
    const auto* from =
        reinterpret_cast<const uint16_t*>(call.weights) + row / kInterleavedRows * unit_values;
    const int64_t n = (stop - row + kInterleavedRows - 1) / kInterleavedRows * unit_values;
    for (int64_t i = 0; i < n; i += kPairsItem)
      _mm512_storeu_si512(rounded + i, reinterpret_cast<__m512i>(load_f16_item(from + i)));
    LinearCall part = call;
    part.weights = reinterpret_cast<const std::byte*>(rounded);
    part.rows = stop - row;
    part.bias = call.bias == nullptr ? nullptr : call.bias + row;
    part.y = call.y + row;
    multiply(part, 0, part.rows);
  }
}

// F16 weights may be rounded by way of multiply_rounded().
constexpr LinearKernel pairs_kernel(DType format, Isa isa, Multiply multiply) {
  return {.format = format,
          .isa = isa,
          .arithmetic = Arithmetic::kFast,
          .layout = LayoutKind::kPairs16,
          .input = LinearInput::kBf16,
          .panel = 0,
          .scratch_rows = format == DType::kF16 ? kRoundedScratchRows : 0,
          .multiply = multiply};
}

}  // namespace chitu::cpu::avx512
