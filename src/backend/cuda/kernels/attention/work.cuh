// Which queries and keys a block works on. What depends on lengths is found here, on the device:
// the host knows the shapes only, and a captured step runs with other lengths than it was captured
// with.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels/attention/attention_args.h"
#include "backend/cuda/kernels/device.cuh"

namespace chitu::cuda {

struct KeyRange {
  int first = 0;
  int end = 0;
  __device__ bool has(int key) const { return key >= first && key < end; }
};

__device__ __forceinline__ KeyRange visible_keys(const AttentionArgs& args, int position) {
  return {args.window > 0 ? max(0, position - args.window + 1) : 0, position + 1};
}

__device__ __forceinline__ KeyRange overlap(const KeyRange& keys, int first, int end) {
  return {max(keys.first, first), min(keys.end, end)};
}

// The row of the cache that holds a key and a value: values of a row are contiguous.
__device__ __forceinline__ int cache_row(const AttentionArgs& args, int sequence, int kv_head,
                                         int key) {
  const unsigned block = static_cast<unsigned>(key) / static_cast<unsigned>(args.block_size);
  const int offset = key - static_cast<int>(block) * args.block_size;
  const int id = __ldg(args.block_table + sequence * args.table_stride + block);
  return (id * args.kv_heads + kv_head) * args.block_size + offset;
}

// The queries of one sequence, as rows of a kv head.
struct SequenceRows {
  int sequence = 0;
  int first_token = 0;
  int tokens = 0;
  int kv_len = 0;

  __device__ int rows(const AttentionArgs& args) const { return tokens * args.group; }
  __device__ int position(const AttentionArgs& args, int row) const {
    return kv_len - tokens + row / args.group;
  }
  // Element of q's, or out's, row: of the first value.
  __device__ int64_t element(const AttentionArgs& args, int64_t stride, int kv_head,
                             int row) const {
    return (first_token + row / args.group) * stride +
           int64_t{kv_head * args.group + row % args.group} * args.head_dim;
  }
};

__device__ __forceinline__ SequenceRows sequence_rows(const AttentionArgs& args, int sequence) {
  const int first = __ldg(args.q_starts + sequence);
  return {sequence, first, __ldg(args.q_starts + sequence + 1) - first,
          __ldg(args.kv_lens + sequence)};
}

// Tiles of `rows` rows of the sequences, numbered so that finding one takes no sum over the
// sequences before it: those of a sequence start at q_starts * group / rows + sequence, which
// leaves room for them all and at most one unused number behind them. There are at most
// most_tiles().
__host__ __device__ inline int most_tiles(const AttentionArgs& args, int rows) {
  return static_cast<int>(int64_t{args.tokens} * args.group / rows) + args.sequences;
}
__device__ __forceinline__ int first_tile(const AttentionArgs& args, int sequence, int rows) {
  return static_cast<int>(int64_t{__ldg(args.q_starts + sequence)} * args.group / rows) + sequence;
}

// The last sequence whose tiles start at `tile` or before. All lanes of a warp ask together.
__device__ __forceinline__ int find_sequence(const AttentionArgs& args, int tile, int rows) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  int first = 0;
  int end = args.sequences;
  while (end - first > 1) {
    const int step = (end - first + kWarp - 1) / kWarp;
    const int probe = first + lane * step;
    const bool before = probe < end && first_tile(args, probe, rows) <= tile;
    const int found = __popc(__ballot_sync(kAllLanes, before));
    first += (found - 1) * step;
    end = min(end, first + step);
  }
  return first;
}

// The units of split: for each sequence with one new token, tile of kTileRows rows and kv head, the
// spans or chunks of its keys in their order. One list, in the order of sequences.
struct SplitWork {
  const int* starts = nullptr;  // [sequences + 1] in shared memory: first unit of each sequence
  bool by_chunks = false;
  int total = 0;

  __device__ int piece_keys() const { return by_chunks ? kChunkKeys : kSpanKeys; }
};

__host__ __device__ inline int row_tiles(const AttentionArgs& args) {
  return (args.group + kTileRows - 1) / kTileRows;
}

__device__ __forceinline__ int pieces_of(const AttentionArgs& args, int kv_len, int piece_keys) {
  if (kv_len == 0) return 0;
  return (kv_len - 1) / piece_keys - visible_keys(args, kv_len - 1).first / piece_keys + 1;
}

// The exclusive sum over the block's threads; `total` comes out as the sum of all. All threads
// call.
__device__ __forceinline__ int block_prefix(int value, int& total) {
  __shared__ int warp_totals[kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  int sum = value;
#pragma unroll
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const int other = __shfl_up_sync(kAllLanes, sum, offset);
    if (lane >= offset) sum += other;
  }
  if (lane == kWarp - 1) warp_totals[warp] = sum;
  __syncthreads();
  total = 0;
  int before = 0;
  for (int w = 0; w < warps; ++w) {
    if (w == warp) before = total;
    total += warp_totals[w];
  }
  __syncthreads();
  return before + sum - value;
}

// Whether chunks are the better units: when that takes fewer rounds of chunks by all warps, and
// does not leave too many parts behind. The blocks of split and of combine come to the same answer.
__device__ __forceinline__ bool better_by_chunks(const AttentionArgs& args, int chunks,
                                                 int span_rounds) {
  const int warps = args.split_blocks * args.split_warps;
  const int rounds_by_chunks = (chunks + warps - 1) / warps;
  const int rounds_by_spans = (span_rounds + args.split_blocks - 1) / args.split_blocks;
  return chunks <= most_chunk_units(args.split_blocks) && rounds_by_chunks < rounds_by_spans;
}

// All threads of a block call; `starts` is shared memory for sequences + 1 numbers.
__device__ __forceinline__ SplitWork list_split_work(const AttentionArgs& args, int* starts) {
  const int threads = static_cast<int>(blockDim.x);
  const int share = (args.sequences + threads - 1) / threads;
  const int begin = min(static_cast<int>(threadIdx.x) * share, args.sequences);
  const int end = min(begin + share, args.sequences);
  const int tiles = row_tiles(args) * args.kv_heads;
  int chunks = 0;
  int rounds = 0;
  for (int s = begin; s < end; ++s) {
    const SequenceRows rows = sequence_rows(args, s);
    const int kv_len = rows.tokens == 1 ? rows.kv_len : 0;
    starts[s] = kv_len;
    const int own = pieces_of(args, kv_len, kChunkKeys);
    chunks += own * tiles;
    rounds += (own + args.split_warps - 1) / args.split_warps * tiles;
  }
  int all_chunks = 0;
  int all_rounds = 0;
  block_prefix(chunks, all_chunks);
  block_prefix(rounds, all_rounds);
  SplitWork work{
      .starts = starts, .by_chunks = better_by_chunks(args, all_chunks, all_rounds), .total = 0};
  int units = 0;
  for (int s = begin; s < end; ++s) units += pieces_of(args, starts[s], work.piece_keys()) * tiles;
  int next = block_prefix(units, work.total);
  for (int s = begin; s < end; ++s) {
    const int own = pieces_of(args, starts[s], work.piece_keys()) * tiles;
    starts[s] = next;
    next += own;
  }
  if (threadIdx.x == 0) starts[args.sequences] = work.total;
  __syncthreads();
  return work;
}

struct SplitUnit {
  SequenceRows rows;
  int kv_head = 0;
  int first_row = 0;
  KeyRange keys;
  bool only = false;  // all keys of its queries: no parts are needed
};

__device__ __forceinline__ SplitUnit split_unit(const AttentionArgs& args, const SplitWork& work,
                                                int unit) {
  int sequence = 0;
  for (int end = args.sequences; end - sequence > 1;) {
    const int middle = (sequence + end) / 2;
    (work.starts[middle] <= unit ? sequence : end) = middle;
  }
  SplitUnit found{.rows = sequence_rows(args, sequence)};
  const KeyRange visible = visible_keys(args, found.rows.kv_len - 1);
  const int pieces = pieces_of(args, found.rows.kv_len, work.piece_keys());
  const int tile = (unit - work.starts[sequence]) / pieces;
  const int piece = (unit - work.starts[sequence]) % pieces + visible.first / work.piece_keys();
  found.kv_head = tile % args.kv_heads;
  found.first_row = tile / args.kv_heads * kTileRows;
  found.keys = overlap(visible, piece * work.piece_keys(), (piece + 1) * work.piece_keys());
  found.only = pieces == 1;
  return found;
}

// Where the part of a unit lies.
struct PartSlot {
  float* sums;     // [part_rows, head_dim]
  float* maximum;  // [part_rows]
  float* sum;      // [part_rows]
};
__device__ __forceinline__ PartSlot part_slot(const AttentionArgs& args, int unit) {
  float* const sums = args.parts + unit * part_floats(args.part_rows, args.head_dim);
  float* const maximum = sums + args.part_rows * args.head_dim;
  return {sums, maximum, maximum + args.part_rows};
}

}  // namespace chitu::cuda
