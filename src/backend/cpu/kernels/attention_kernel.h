// Attention of some queries over a run of keys, the unit that longer attention is merged from
// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; FlashAttention).
//
// What a query comes to does not depend on the other rows of a chunk, nor on keys and values that
// it does not see, not finite ones either: each score is a sum in the order of head_dim, each
// output a sum in the order of the keys. NaN in a query, or in a key or value that it sees, gives
// NaN.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace chitu::cpu {

inline constexpr int kTileRows = 96;    // queries of one kv head that share each key and value read
inline constexpr int kChunkKeys = 128;  // keys of one run
inline constexpr int kPanelKeys = 16;   // keys are stored in panels of so many (kv_layout.h)
inline constexpr int kChunkPanels = kChunkKeys / kPanelKeys;

// What attention over some keys has come to: for row r with scores s_i, in units of ln 2, the
// largest of them, the total of 2^(s_i - largest), and the sum of 2^(s_i - largest) v_i. No keys:
// largest is minus infinity and total 0.
struct AttentionPart {
  float* sums = nullptr;     // [rows, head_dim]
  float* largest = nullptr;  // [rows]
  float* total = nullptr;    // [rows]
};

struct AttentionChunk {
  int64_t head_dim = 0;
  float scale = 1.0F;
  float softcap = 0.0F;
  DType dtype = DType::kF32;  // of keys and values: F32, F16, BF16 or Q8_0

  int rows = 0;  // at most kTileRows
  const float* q[kTileRows];
  int first[kTileRows];  // row r sees keys [first[r], end[r]); 0 <= first <= end <= keys
  int end[kTileRows];

  int keys = 0;                      // at most kChunkKeys
  const std::byte* k[kChunkPanels];  // panels of kPanelKeys; nothing past `keys` is looked at
  const std::byte* v[kChunkKeys];    // rows

  // Panels that the next chunk will read, for the caches to fetch.
  int next_panels = 0;
  const std::byte* next_k[kChunkPanels];

  AttentionPart part;
  float* scratch = nullptr;  // attention_scratch_floats(head_dim)
};

// Scores, keys and values.
inline constexpr int64_t attention_scratch_floats(int64_t head_dim) {
  return int64_t{kChunkKeys} * (kTileRows + 2 * head_dim);
}

struct AttentionKernels {
  void (*attend)(const AttentionChunk& chunk);
  // into += part
  void (*merge)(const AttentionPart& part, const AttentionPart& into, int rows, int64_t head_dim);
};

const AttentionKernels& attention_kernels_scalar();
const AttentionKernels& attention_kernels_neon();
const AttentionKernels& attention_kernels_avx2();
const AttentionKernels& attention_kernels_avx512();

}  // namespace chitu::cpu
