// How the CPU back end arranges a layer's keys within the bytes of [blocks, kv_heads, block_size,
// head_dim]. Values lie in that order; keys so that a vector's lanes can be different keys:
//
// The keys of a block and head are panels of kPanelKeys keys, the last of as many as are left. A
// panel of w keys is [head_dim, w]; of Q8_0, for every 32 dimensions w scales, then [32, w] codes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels/attention_kernel.h"
#include "backend/cpu/kernels/row_kernels.h"
#include "ops/descs.h"
#include "tensor/tensor_ref.h"

namespace chitu::cpu {

// The place of one key.
struct KeyLane {
  std::byte* panel = nullptr;
  int keys = kPanelKeys;  // of the panel
  int lane = 0;
};
KeyLane key_lane(const TensorRef& k, int64_t block, int64_t head, int64_t offset);
std::byte* value_row(const TensorRef& v, int64_t block, int64_t head, int64_t offset);

// Stores a token's keys and values, both [kv_heads * head_dim], in its slot.
void store_token(const RowKernels& rows, const float* k, const float* v, const KvLayer& kv,
                 const AttentionPlan& plan, int64_t token);

// Copies a key of `head_dim` dimensions from one panel to another.
void copy_key(DType dtype, int64_t head_dim, const KeyLane& from, const KeyLane& to);

}  // namespace chitu::cpu
