#include "backend/cpu/interleaved_pack.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/kernels/interleaved_format.h"
#include "base/check.h"
#include "tensor/format/decode.h"

namespace chitu::cpu {
namespace {

// T holds one row's share of an item. Whole items of the rows [0, rows) at `source`, a cache line
// of each row at a time.
template <class T>
void interleave(const std::byte* source, int64_t source_stride, int64_t rows, int64_t items,
                T* unit) {
  constexpr auto kAtOnce = static_cast<int64_t>(64 / sizeof(T));
  for (int64_t first = 0; first < items; first += kAtOnce) {
    const int64_t n = std::min(kAtOnce, items - first);
    for (int64_t r = 0; r < rows; ++r) {
      T shares[kAtOnce];
      std::memcpy(shares, source + r * source_stride + first * static_cast<int64_t>(sizeof(T)),
                  static_cast<std::size_t>(n) * sizeof(T));
      for (int64_t i = 0; i < n; ++i) unit[(first + i) * kInterleavedRows + r] = shares[i];
    }
  }
}

}  // namespace

template <LayoutKind kLayout>
int64_t interleaved_bytes(DType format, int64_t rows, int64_t cols) {
  return (rows + kInterleavedRows - 1) / kInterleavedRows *
         interleaved_format(kLayout, format).unit_bytes(cols);
}

template <LayoutKind kLayout>
void interleaved_pack(DType format, const std::byte* source, int64_t source_stride, int64_t rows,
                      int64_t cols, int64_t begin, int64_t end, std::byte* packed) {
  CHECK(end == rows || end % kInterleavedRows == 0);
  const InterleavedFormat f = interleaved_format(kLayout, format);
  const int64_t share_bytes = f.share_bytes();
  const int64_t whole = cols / f.item_columns;
  for (int64_t row = begin; row < end; row += kInterleavedRows) {
    const int64_t n = std::min<int64_t>(kInterleavedRows, end - row);
    const std::byte* from = source + row * source_stride;
    std::byte* unit = packed + row / kInterleavedRows * f.unit_bytes(cols);
    if (n < kInterleavedRows) std::memset(unit, 0, static_cast<std::size_t>(f.unit_bytes(cols)));
    std::byte* rest = unit + whole * f.item_bytes();
    std::memset(rest, 0, static_cast<std::size_t>(unit + f.unit_bytes(cols) - rest));
    if (share_bytes == 4) {
      interleave(from, source_stride, n, whole, reinterpret_cast<uint32_t*>(unit));
    } else {
      interleave(from, source_stride, n, whole, reinterpret_cast<uint16_t*>(unit));
    }
    if (const int64_t left = cols % f.item_columns; left > 0) {
      for (int64_t r = 0; r < n; ++r) {
        std::memcpy(rest + r * share_bytes, from + r * source_stride + whole * share_bytes,
                    static_cast<std::size_t>(left * f.value_bytes));
      }
    }
  }
}

template <LayoutKind kLayout>
void interleaved_decode_row(DType format, const std::byte* packed, int64_t row, int64_t cols,
                            float* values) {
  const InterleavedFormat f = interleaved_format(kLayout, format);
  const int64_t share_bytes = f.share_bytes();
  const std::byte* share =
      packed + row / kInterleavedRows * f.unit_bytes(cols) + row % kInterleavedRows * share_bytes;
  constexpr int64_t kAtOnce = 64;
  std::byte line[kAtOnce * 4];
  for (int64_t first = 0; first < cols; first += kAtOnce) {
    const int64_t n = std::min(kAtOnce, cols - first);
    for (int64_t i = 0; i * f.item_columns < n; ++i) {
      std::memcpy(line + i * share_bytes, share, static_cast<std::size_t>(share_bytes));
      share += f.item_bytes();
    }
    decode(format, line, values + first, n);
  }
}

#define CHITU_INSTANTIATE(layout)                                                            \
  template int64_t interleaved_bytes<layout>(DType, int64_t, int64_t);                       \
  template void interleaved_pack<layout>(DType, const std::byte*, int64_t, int64_t, int64_t, \
                                         int64_t, int64_t, std::byte*);                      \
  template void interleaved_decode_row<layout>(DType, const std::byte*, int64_t, int64_t, float*)
CHITU_INSTANTIATE(LayoutKind::kColumns16);
CHITU_INSTANTIATE(LayoutKind::kPairs16);
#undef CHITU_INSTANTIATE

}  // namespace chitu::cpu
