// Attention of sequences with one new token, with matrix instructions: the decoding step, which is
// as fast as keys and values arrive. The heads of a group are the rows of a tile.
//
// Blocks are as many as the device holds at once, and share out the units of work.cuh. Each warp
// takes chunks of its own, and keeps as much of its shared memory as it can under way: it asks for
// tiles in advance, beyond the chunk and the unit that it is at. Units that are spans are folded by
// the warps of a block in turns.
#pragma once

#include "backend/cuda/kernels/attention/launch.cuh"
#include "backend/cuda/kernels/attention/mma_tile.cuh"

namespace chitu::cuda {

template <int kDim>
struct MmaSplitShape {
  static constexpr int kMostWarps = kDim <= 64 ? 8 : 4;
  static constexpr int kStages = 3;
  static constexpr int kStageBytes = 2 * MmaTile<kDim>::kBytes;
  static constexpr int kWarpBytes = kStages * kStageBytes + MmaQueries<kDim>::kBytes;

  // All warps' stages and queries, the part of a span, and the list of units.
  static constexpr int bytes(int warps, int sequences) {
    return warps * kWarpBytes + SharedPart<kDim>::kBytes +
           (sequences + 1) * static_cast<int>(sizeof(int));
  }
  // At least one, which fits everywhere.
  static int warps(int sequences, int limit) {
    int n = kMostWarps;
    while (n > 1 && bytes(n, sequences) > limit) --n;
    return n;
  }
};

// One chunk for a warp, empty where only other warps of the block have one.
struct SplitChunk {
  SplitUnit unit;
  int number = 0;  // of the unit
  KeyRange keys;
  bool first = false;  // of the unit, in this warp
  bool last = false;
};

// The chunks of one warp, in the order in which it takes them.
class SplitChunks {
 public:
  __device__ SplitChunks(const AttentionArgs& args, const SplitWork& work) : work_(work) {
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int block = static_cast<int>(blockIdx.x);
    // Chunks go to one warp of each block before another warp gets any.
    number_ = work.by_chunks ? warp * args.split_blocks + block : block;
    step_ = work.by_chunks ? args.split_warps * args.split_blocks : args.split_blocks;
  }

  // False after the last.
  __device__ __forceinline__ bool next(const AttentionArgs& args, SplitChunk& chunk) {
    if (number_ >= work_.total) return false;
    chunk.first = round_ == 0;
    if (chunk.first) chunk.unit = split_unit(args, work_, number_);
    chunk.number = number_;
    chunk.keys = chunk.unit.keys;
    chunk.last = true;
    if (!work_.by_chunks) {
      const int first = chunk.unit.keys.first / kChunkKeys + round_ * args.split_warps;
      const int own = first + static_cast<int>(threadIdx.x) / kWarp;
      chunk.keys = overlap(chunk.unit.keys, own * kChunkKeys, (own + 1) * kChunkKeys);
      chunk.last = (first + args.split_warps) * kChunkKeys >= chunk.unit.keys.end;
    }
    round_ = chunk.last ? 0 : round_ + 1;
    if (chunk.last) number_ += step_;
    return true;
  }

 private:
  SplitWork work_;
  int number_;
  int step_;
  int round_ = 0;  // of chunks of the unit, one for each warp
};

// Asks for a warp's tiles, in their order and in advance.
template <class T, int kDim>
class SplitLoader {
 public:
  using Shape = MmaSplitShape<kDim>;

  __device__ SplitLoader(const AttentionArgs& args, const SplitWork& work, std::byte* memory)
      : chunks_(args, work), at_(shared_address(memory)) {
    advance(args);
  }

  // The next tile, into the next stage. Where there is none, an empty group keeps the count.
  __device__ __forceinline__ void issue(const AttentionArgs& args) {
    if (left_) {
      const uint32_t keys = at_ + static_cast<uint32_t>(stage_ * Shape::kStageBytes);
      copy_rows<T, kDim, MmaTile<kDim>::kKeys>(args, keys, keys + MmaTile<kDim>::kBytes, 0, row_);
      stage_ = stage_ + 1 == Shape::kStages ? 0 : stage_ + 1;
      tile_ += MmaTile<kDim>::kKeys;
      advance(args);
    }
    copy_async_commit();
  }

 private:
  // To the next tile, where this one is behind its chunk's end. Its place in the cache is looked up
  // now, and waited for when it is asked for.
  __device__ __forceinline__ void advance(const AttentionArgs& args) {
    while (tile_ >= chunk_.keys.end) {
      left_ = chunks_.next(args, chunk_);
      if (!left_) return;
      tile_ = chunk_.keys.first / MmaTile<kDim>::kKeys * MmaTile<kDim>::kKeys;
    }
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const bool valid = lane < MmaTile<kDim>::kKeys && chunk_.keys.has(tile_ + lane);
    row_ =
        valid ? cache_row(args, chunk_.unit.rows.sequence, chunk_.unit.kv_head, tile_ + lane) : -1;
  }

  SplitChunks chunks_;
  SplitChunk chunk_;
  uint32_t at_;
  int stage_ = 0;
  int tile_ = 0;
  int row_ = -1;
  bool left_ = false;
};

// Writes the part of a unit to its slot.
template <int kDim>
__device__ __forceinline__ void write_part(const AttentionArgs& args, const MmaPart<kDim>& part,
                                           int unit, int rows) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const PartSlot slot = part_slot(args, unit);
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row = lane / 4 + i * 8;
    if (row >= rows) continue;
    float* const to = slot.sums + row * args.head_dim + lane % 4 * 2;
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
      if (n * 8 >= args.head_dim) break;
      *reinterpret_cast<float2*>(to + n * 8) = {part.out[n][i * 2], part.out[n][i * 2 + 1]};
    }
    if (lane % 4 == 0) {
      slot.maximum[row] = part.maximum[i];
      slot.sum[row] = part.sum[i];
    }
  }
}

template <class T, int kDim>
__device__ __forceinline__ void write_unit(const AttentionArgs& args, const SplitChunk& chunk,
                                           const MmaPart<kDim>& part) {
  const SplitUnit& unit = chunk.unit;
  const int rows = min(kTileRows, args.group - unit.first_row);
  if (unit.only) {
    write_out<T, kDim>(args, part, unit.rows, unit.kv_head, unit.first_row, unit.first_row + rows);
  } else {
    write_part(args, part, chunk.number, rows);
  }
}

// Folds a warp's chunk, whose tiles come to `stages` one after the other.
template <class T, int kDim>
__device__ __forceinline__ void attend_chunk(const AttentionArgs& args, const SplitChunk& chunk,
                                             const MmaQueries<kDim>& queries,
                                             SplitLoader<T, kDim>& loader, const std::byte* stages,
                                             int& stage, MmaPart<kDim>& part) {
  using Tile = MmaTile<kDim>;
  using Shape = MmaSplitShape<kDim>;
  const KeyRange visible[2] = {chunk.keys, chunk.keys};
  part.clear();
  for (int first = chunk.keys.first / Tile::kKeys * Tile::kKeys; first < chunk.keys.end;
       first += Tile::kKeys) {
    copy_async_wait<Shape::kStages - 2>();
    __syncwarp();  // the tile is there for all lanes, and all have done with the one before
    loader.issue(args);
    MmaKeys tile;
    tile.values_memory = stages + stage * Shape::kStageBytes + Tile::kBytes;
    tile.values = shared_address(tile.values_memory);
    tile.keys = tile.values - Tile::kBytes;
    tile.first = first;
    tile.masked = first < chunk.keys.first || first + Tile::kKeys > chunk.keys.end;
    attend_tile<T, kDim>(args, part, queries, tile, visible);
    stage = stage + 1 == Shape::kStages ? 0 : stage + 1;
  }
  part.add_sums();
}

template <class T, int kDim>
__global__ __launch_bounds__(MmaSplitShape<kDim>::kMostWarps* kWarp,
                             1) void mma_split(const __grid_constant__ AttentionArgs args) {
  using Shape = MmaSplitShape<kDim>;
  extern __shared__ __align__(128) std::byte memory[];
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  std::byte* const stages = memory + warp * Shape::kWarpBytes;
  std::byte* const folded = memory + args.split_warps * Shape::kWarpBytes;
  const SplitWork work =
      list_split_work(args, reinterpret_cast<int*>(folded + SharedPart<kDim>::kBytes));

  SharedPart<kDim> span(folded);
  if (warp == 0) span.clear();
  SplitLoader<T, kDim> loader(args, work, stages);
  for (int i = 0; i < Shape::kStages - 1; ++i) loader.issue(args);
  SplitChunks chunks(args, work);
  SplitChunk chunk;
  MmaQueries<kDim> queries(stages + Shape::kStages * Shape::kStageBytes);
  MmaPart<kDim> part;
  int stage = 0;
  while (chunks.next(args, chunk)) {
    if (chunk.first) {
      load_queries<T>(queries, args, chunk.unit.rows, chunk.unit.kv_head, chunk.unit.first_row,
                      args.group);
    }
    attend_chunk<T, kDim>(args, chunk, queries, loader, stages, stage, part);
    if (work.by_chunks) {
      write_unit<T, kDim>(args, chunk, part);
      continue;
    }
    for (int turn = 0; turn < args.split_warps; ++turn) {
      if (turn == warp && chunk.keys.first < chunk.keys.end) span.merge(part);
      __syncthreads();
    }
    // The turn of the first warp is the next to write to the span.
    if (warp == 0 && chunk.last) {
      span.load(part);
      write_unit<T, kDim>(args, chunk, part);
      span.clear();
    }
  }
}

template <class T, int kDim>
void launch_mma_split_dim(const AttentionArgs& args, cudaStream_t stream) {
  using Shape = MmaSplitShape<kDim>;
  launch(mma_split<T, kDim>, dim3(static_cast<unsigned>(args.split_blocks)),
         args.split_warps * kWarp, Shape::bytes(args.split_warps, args.sequences), args, stream);
}

template <class T>
void launch_mma_split(const AttentionArgs& args, cudaStream_t stream) {
  switch (padded_dim(args.head_dim)) {
    case 64:
      return launch_mma_split_dim<T, 64>(args, stream);
    case 128:
      return launch_mma_split_dim<T, 128>(args, stream);
    default:
      return launch_mma_split_dim<T, 256>(args, stream);
  }
}

}  // namespace chitu::cuda
