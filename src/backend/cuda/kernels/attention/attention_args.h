// What the attention kernels are given, and how they share out the keys of a query. Plain C++.
//
// Every kernel folds the keys of a query in one order, whatever else is computed: tiles of keys one
// after the other into a chunk, chunks into a span, spans into the whole, the bounds of each at
// multiples of its size. A part (a running maximum, a sum, and the sums of values so far) is what
// is folded. Where there are too few queries for the device, chunks or spans are computed by
// different blocks, and merged in the same order afterwards. So neither the batch, nor the split of
// a prompt into steps, nor the number of multiprocessors changes a bit of what one kernel family
// computes.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "tensor/dtype.h"

namespace chitu::cuda {

inline constexpr int kChunkKeys = 128;
inline constexpr int kSpanKeys = 1024;
// Of a tile of queries: rows of a matrix instruction. Row r of a sequence and kv head is the query
// of new token r / group with head kv_head * group + r % group, so that the heads of a group share
// each read of keys and values.
inline constexpr int kTileRows = 16;

struct AttentionArgs {
  const void* q = nullptr;  // [tokens, heads * head_dim]
  int64_t q_stride = 0;     // in elements
  DType q_dtype = DType::kF32;
  void* out = nullptr;  // [tokens, heads * head_dim]
  int64_t out_stride = 0;
  DType out_dtype = DType::kF32;
  // [blocks, kv_heads, block_size, head_dim], values in that order.
  const void* k = nullptr;
  const void* v = nullptr;
  DType k_dtype = DType::kF32;
  DType v_dtype = DType::kF32;
  int64_t cache_rows = 0;  // blocks * kv_heads * block_size

  // AttentionPlan's, in device memory. The new tokens of a sequence are its last, in order: the
  // position of token i of n is kv_len - n + i.
  const int32_t* q_starts = nullptr;     // [sequences + 1]
  const int32_t* kv_lens = nullptr;      // [sequences]
  const int32_t* block_table = nullptr;  // [sequences, table_stride]
  int64_t table_stride = 0;
  int block_size = 0;
  int tokens = 0;
  int sequences = 0;

  int kv_heads = 0;
  int group = 0;  // heads of a kv head
  int head_dim = 0;
  int window = 0;
  // A score in powers of two, as all of softmax is: q k * scale, or cap * tanh(q k * scale).
  float scale = 0.0F;
  float cap = 0.0F;

  // Sequences with one new token are split: their spans or chunks are units of work of their own,
  // shared out among `split_blocks` blocks of `split_warps` warps that work on a unit each (or on
  // one together). Where a query has several, each leaves a part in its slot: [part_rows, head_dim]
  // sums of values, [part_rows] maxima, [part_rows] sums.
  int split_blocks = 0;
  int split_warps = 0;
  int part_rows = 0;
  float* parts = nullptr;
};

// Floats of a slot.
__host__ __device__ constexpr int64_t part_floats(int part_rows, int head_dim) {
  return int64_t{part_rows} * (head_dim + 2);
}
// Where chunks would be more units than these, spans are shared out.
__host__ __device__ constexpr int most_chunk_units(int split_blocks) { return 32 * split_blocks; }

// Launches, on a stream. What goes wrong is left to cudaGetLastError.
//
//   prefill  all sequences with several new tokens, each tile of queries over all its keys
//   split    all sequences with one new token, by units
//   combine  the parts of split into its results
using AttentionLaunch = void (*)(const AttentionArgs& args, cudaStream_t stream);

// Sets split_blocks and split_warps, for a device of so many multiprocessors.
using AttentionShare = void (*)(AttentionArgs& args, int multiprocessors);
// The most blocks that any of them asks for.
constexpr int most_split_blocks(int multiprocessors) { return 2 * multiprocessors; }

// plain.cu: any dtypes, head_dim up to kPlainMostDim, arithmetic in float.
inline constexpr int kPlainMostDim = 256;
void launch_plain_prefill(const AttentionArgs& args, cudaStream_t stream);
void launch_plain_split(const AttentionArgs& args, cudaStream_t stream);
void share_plain_split(AttentionArgs& args, int multiprocessors);

// mma_*.cu: matrix instructions of sm_80; q, out, k and v in the same of F16 and BF16.
void launch_mma_prefill_f16(const AttentionArgs& args, cudaStream_t stream);
void launch_mma_prefill_bf16(const AttentionArgs& args, cudaStream_t stream);
void launch_mma_split_f16(const AttentionArgs& args, cudaStream_t stream);
void launch_mma_split_bf16(const AttentionArgs& args, cudaStream_t stream);
void share_mma_split(AttentionArgs& args, int multiprocessors);

void launch_combine(const AttentionArgs& args, cudaStream_t stream);

// The matrix kernels pad head dimensions to one of these.
inline constexpr int kMmaMostDim = 256;
constexpr int padded_dim(int head_dim) { return head_dim <= 64 ? 64 : head_dim <= 128 ? 128 : 256; }

}  // namespace chitu::cuda
