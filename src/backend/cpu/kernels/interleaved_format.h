// The layouts in which F32, F16 and BF16 weights are multiplied.
//
// 16 rows are interleaved, so that a vector holds the same columns of 16 rows, an activation is
// broadcast to all of them, and no sum across lanes is ever needed. A unit is 16 rows; an item of a
// unit is 1 or 2 columns of each of them, row r's before row r + 1's:
//   kColumns16  F32 and F16: 1 column, in 64 or 32 bytes
//   kPairs16    F16 and BF16: 2 columns, in 64 bytes; in BF16 what vdpbf16ps reads, and 16 items
//               are an operand of AMX
// The items of a unit follow the columns, the units follow the rows. The last rows are padded to
// 16, the columns of kPairs16 to a multiple of 32, with zeros.
#pragma once

#include <cstdint>

#include "backend/cpu/kernels/linear_kernel.h"
#include "tensor/dtype.h"

namespace chitu::cpu {

inline constexpr int kInterleavedRows = 16;

struct InterleavedFormat {
  int value_bytes;
  int item_columns;
  int column_padding;

  constexpr int share_bytes() const { return item_columns * value_bytes; }  // a row's of an item
  constexpr int item_bytes() const { return kInterleavedRows * share_bytes(); }
  constexpr int64_t items(int64_t cols) const {
    return (cols + column_padding - 1) / column_padding * column_padding / item_columns;
  }
  constexpr int64_t unit_bytes(int64_t cols) const { return items(cols) * item_bytes(); }
};

constexpr InterleavedFormat interleaved_format(LayoutKind layout, DType format) {
  return {.value_bytes = format == DType::kF32 ? 4 : 2,
          .item_columns = layout == LayoutKind::kPairs16 ? 2 : 1,
          .column_padding = layout == LayoutKind::kPairs16 ? 32 : 1};
}

}  // namespace chitu::cpu
