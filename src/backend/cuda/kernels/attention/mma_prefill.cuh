// Attention of sequences with several new tokens, with matrix instructions. A block takes 16
// neighbouring rows a warp over all keys that they see, which pass through shared memory in stages.
#pragma once

#include "backend/cuda/kernels/attention/launch.cuh"
#include "backend/cuda/kernels/attention/mma_tile.cuh"

namespace chitu::cuda {

template <int kDim>
struct MmaPrefillShape {
  static constexpr int kMostWarps = 4;
  static constexpr int kStageKeys = kDim > 128 ? 16 : 64;  // shared memory
  static constexpr int kStageBytes = 2 * kStageKeys * MmaTile<kDim>::kRowBytes;
  static constexpr int kStages = 2;
  // A chunk's part is in registers. So is the span's, where they suffice; the whole's never.
  static constexpr bool kSpanInRegisters = kDim <= 128;
  static constexpr int kSharedParts = kSpanInRegisters ? 1 : 2;
  static constexpr int kWarpBytes =
      kSharedParts * SharedPart<kDim>::kBytes + MmaQueries<kDim>::kBytes;
  static constexpr int kBlocks = kDim <= 128 ? 2 : 1;  // of a multiprocessor
  static_assert(kChunkKeys % kStageKeys == 0);

  static constexpr int bytes(int warps) { return kStages * kStageBytes + warps * kWarpBytes; }
};

// A part that is being folded, in registers or shared memory.
template <int kDim, bool kInRegisters>
struct FoldedPart {
  SharedPart<kDim> part;

  __device__ explicit FoldedPart(std::byte* memory) : part(memory) { part.clear(); }
  __device__ __forceinline__ void clear() { part.clear(); }
  __device__ __forceinline__ void merge(const MmaPart<kDim>& piece) { part.merge(piece); }
  // Into `whole`; `free` may be overwritten.
  __device__ __forceinline__ void merge_into(SharedPart<kDim>& whole, MmaPart<kDim>& free) const {
    part.load(free);
    whole.merge(free);
  }
};
template <int kDim>
struct FoldedPart<kDim, true> {
  MmaPart<kDim> part;

  __device__ explicit FoldedPart(std::byte*) { part.clear(); }
  __device__ __forceinline__ void clear() { part.clear(); }
  __device__ __forceinline__ void merge(const MmaPart<kDim>& piece) { part.merge(piece); }
  __device__ __forceinline__ void merge_into(SharedPart<kDim>& whole, MmaPart<kDim>&) const {
    whole.merge(part);
  }
};

// The keys that some of the rows [first, end) see, and those that all of them see. Positions
// ascend.
struct RowKeys {
  KeyRange any;
  KeyRange all;
};
__device__ __forceinline__ RowKeys row_keys(const AttentionArgs& args, const SequenceRows& rows,
                                            int first, int end) {
  if (first >= end) return {};
  const KeyRange a = visible_keys(args, rows.position(args, first));
  const KeyRange b = visible_keys(args, rows.position(args, end - 1));
  return {{a.first, b.end}, {b.first, a.end}};
}

// Brings a sequence's keys and values to shared memory, each warp its share of a stage.
template <class T, int kDim>
class MmaStages {
 public:
  using Shape = MmaPrefillShape<kDim>;

  __device__ MmaStages(const AttentionArgs& args, int sequence, int kv_head, const KeyRange& keys,
                       std::byte* memory)
      : args_(args), sequence_(sequence), kv_head_(kv_head), keys_(keys), memory_(memory) {}

  // The stage whose first key is `first`, a multiple of kStageKeys.
  __device__ __forceinline__ void issue(int first) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const uint32_t at = shared_address(memory(first));
    for (int row = static_cast<int>(threadIdx.x) / kWarp * kRows; row < Shape::kStageKeys;
         row += static_cast<int>(blockDim.x) / kWarp * kRows) {
      const int key = first + row + lane;
      const bool valid = lane < kRows && keys_.has(key);
      copy_rows<T, kDim, kRows>(args_, at, at + Shape::kStageBytes / 2, row,
                                valid ? cache_row(args_, sequence_, kv_head_, key) : -1);
    }
    copy_async_commit();
  }

  // Tile t of that stage.
  __device__ __forceinline__ MmaKeys tile(int first, int t) const {
    MmaKeys tile;
    std::byte* const keys = memory(first) + t * MmaTile<kDim>::kBytes;
    tile.values_memory = keys + Shape::kStageBytes / 2;
    tile.keys = shared_address(keys);
    tile.values = tile.keys + Shape::kStageBytes / 2;
    tile.first = first + t * MmaTile<kDim>::kKeys;
    return tile;
  }

 private:
  // That a warp copies at a time: a stage, when there are as many warps as may be.
  static constexpr int kRows = Shape::kStageKeys / Shape::kMostWarps;

  __device__ __forceinline__ std::byte* memory(int first) const {
    return memory_ + first / Shape::kStageKeys % Shape::kStages * Shape::kStageBytes;
  }

  const AttentionArgs& args_;
  int sequence_;
  int kv_head_;
  KeyRange keys_;
  std::byte* memory_;
};

template <class T, int kDim>
__global__ __launch_bounds__(
    MmaPrefillShape<kDim>::kMostWarps* kWarp,
    MmaPrefillShape<kDim>::kBlocks) void mma_prefill(const __grid_constant__ AttentionArgs args) {
  using Shape = MmaPrefillShape<kDim>;
  using Tile = MmaTile<kDim>;
  extern __shared__ __align__(128) std::byte memory[];
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int block_rows = warps * kTileRows;

  // Blocks start in the order of their numbers. The last tiles of a prompt see the most keys.
  const int number = static_cast<int>(gridDim.x - 1 - blockIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y);
  const SequenceRows rows = sequence_rows(args, find_sequence(args, number, block_rows));
  const int first_row = (number - first_tile(args, rows.sequence, block_rows)) * block_rows;
  const int end_row = min(first_row + block_rows, rows.rows(args));
  if (rows.tokens <= 1 || first_row >= end_row) return;
  const KeyRange keys = row_keys(args, rows, first_row, end_row).any;

  // This warp's.
  const int own_row = first_row + warp * kTileRows;
  const int own_end = min(own_row + kTileRows, end_row);
  const RowKeys own = row_keys(args, rows, own_row, own_end);
  KeyRange visible[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row = max(own_row, min(own_row + lane / 4 + i * 8, own_end - 1));
    visible[i] = visible_keys(args, rows.position(args, min(row, end_row - 1)));
  }

  std::byte* const own_memory =
      memory + Shape::kStages * Shape::kStageBytes + warp * Shape::kWarpBytes;
  std::byte* const parts = own_memory + MmaQueries<kDim>::kBytes;
  MmaQueries<kDim> queries(own_memory);
  load_queries<T>(queries, args, rows, kv_head, own_row, own_end);
  SharedPart<kDim> whole(parts);
  whole.clear();
  FoldedPart<kDim, Shape::kSpanInRegisters> span(parts + SharedPart<kDim>::kBytes);
  MmaPart<kDim> chunk;
  chunk.clear();

  const MmaStages<T, kDim> stages(args, rows.sequence, kv_head, keys, memory);
  int stage = keys.first / Shape::kStageKeys * Shape::kStageKeys;
  stages.issue(stage);
  for (; stage < keys.end; stage += Shape::kStageKeys) {
    const int next = stage + Shape::kStageKeys;
    copy_async_wait<0>();
    __syncthreads();  // the stage is there for all, and all have done with the one before
    if (next < keys.end) stages.issue(next);
#pragma unroll
    for (int t = 0; t < Shape::kStageKeys / Tile::kKeys; ++t) {
      MmaKeys tile = stages.tile(stage, t);
      const int end = tile.first + Tile::kKeys;
      if (end <= own.any.first || tile.first >= own.any.end) continue;
      tile.masked = tile.mixed = tile.first < own.all.first || end > own.all.end;
      attend_tile<T, kDim>(args, chunk, queries, tile, visible);
    }
    const bool last = next >= keys.end;
    if (!last && next % kChunkKeys != 0) continue;
    chunk.add_sums();
    span.merge(chunk);
    if (last || next % kSpanKeys == 0) {
      span.merge_into(whole, chunk);
      span.clear();
    }
    chunk.clear();
  }
  whole.load(chunk);
  write_out<T, kDim>(args, chunk, rows, kv_head, own_row, own_end);
}

template <class T, int kDim>
void launch_mma_prefill_dim(const AttentionArgs& args, cudaStream_t stream) {
  using Shape = MmaPrefillShape<kDim>;
  const int limit = shared_memory_limit();
  int warps = Shape::kMostWarps;
  while (warps > 1 && Shape::bytes(warps) > limit) warps /= 2;
  const dim3 grid(static_cast<unsigned>(most_tiles(args, warps * kTileRows)),
                  static_cast<unsigned>(args.kv_heads));
  launch(mma_prefill<T, kDim>, grid, warps * kWarp, Shape::bytes(warps), args, stream);
}

template <class T>
void launch_mma_prefill(const AttentionArgs& args, cudaStream_t stream) {
  switch (padded_dim(args.head_dim)) {
    case 64:
      return launch_mma_prefill_dim<T, 64>(args, stream);
    case 128:
      return launch_mma_prefill_dim<T, 128>(args, stream);
    default:
      return launch_mma_prefill_dim<T, 256>(args, stream);
  }
}

}  // namespace chitu::cuda
