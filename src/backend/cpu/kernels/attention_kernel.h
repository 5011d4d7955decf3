// Attention of a few queries over a run of keys, the unit that longer attention is merged from
// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; FlashAttention).
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace chitu::cpu {

inline constexpr int kQueryRows = 16;   // queries of one kv head that share each key and value read
inline constexpr int kChunkKeys = 128;  // keys of one run

// What attention over some keys has come to: for row r with scores s_i, the largest of them, the
// total of e^(s_i - largest), and the sum of e^(s_i - largest) v_i. No keys: largest is minus
// infinity.
struct AttentionPart {
  float* sums = nullptr;     // [rows, head_dim]
  float* largest = nullptr;  // [rows]
  float* total = nullptr;    // [rows]
};

struct AttentionChunk {
  int64_t head_dim = 0;
  float scale = 1.0F;
  float softcap = 0.0F;
  DType dtype = DType::kF32;  // of keys and values: F32, F16 or BF16

  int rows = 0;  // at most kQueryRows
  const float* q[kQueryRows];
  int first[kQueryRows];  // row r sees keys [first[r], end[r]); 0 <= first <= end <= keys
  int end[kQueryRows];

  int keys = 0;  // at most kChunkKeys
  const void* k[kChunkKeys];
  const void* v[kChunkKeys];

  AttentionPart part;
  float* scratch = nullptr;  // attention_scratch_floats(head_dim)
};

inline constexpr int64_t attention_scratch_floats(int64_t head_dim) {
  return int64_t{kQueryRows} * kChunkKeys + int64_t{16} * head_dim;  // scores, and keys as floats
}

struct AttentionKernels {
  void (*attend)(const AttentionChunk& chunk);
  // into += part
  void (*merge)(const AttentionPart& part, const AttentionPart& into, int rows, int64_t head_dim);
};

const AttentionKernels& attention_kernels_scalar();
const AttentionKernels& attention_kernels_avx2();
const AttentionKernels& attention_kernels_avx512();

}  // namespace chitu::cpu
