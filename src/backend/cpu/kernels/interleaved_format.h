// The layout in which F32, F16 and BF16 weights are multiplied.
//
// 16 rows are interleaved, so that a vector holds the same columns of 16 rows, an activation is
// broadcast to all of them, and no sum across lanes is ever needed. A unit is 16 rows; an item of a
// unit is kItemColumns columns of each of them, row r's beside row r + 1's:
//   F32   64 bytes: 1 column
//   F16   32 bytes: 1 column
//   BF16  64 bytes: 2 columns, which is what vdpbf16ps reads, and 16 items are a tile of AMX
// The items of a unit follow the columns, the units follow the rows. Columns are padded to a
// multiple of kColumnPadding where a tile needs it, the last rows to 16, with zeros.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace chitu::cpu {

inline constexpr int kInterleavedRows = 16;

struct InterleavedFormat {
  int value_bytes;
  int item_columns;
  int column_padding;

  constexpr int item_bytes() const { return kInterleavedRows * item_columns * value_bytes; }
  constexpr int64_t items(int64_t cols) const {
    return (cols + column_padding - 1) / column_padding * column_padding / item_columns;
  }
  constexpr int64_t unit_bytes(int64_t cols) const { return items(cols) * item_bytes(); }
};

inline constexpr InterleavedFormat kInterleavedF32{4, 1, 1};
inline constexpr InterleavedFormat kInterleavedF16{2, 1, 1};
inline constexpr InterleavedFormat kInterleavedBF16{2, 2, 32};

}  // namespace chitu::cpu
