// The second half of split: merges the parts of each query in the order of their keys, chunks into
// spans and spans into the whole. A warp takes one query at a time.
#include <algorithm>

#include "backend/cuda/kernels/attention/launch.cuh"
#include "backend/cuda/kernels/attention/softmax.cuh"
#include "backend/cuda/kernels/attention/work.cuh"

namespace chitu::cuda {
namespace {

constexpr int kThreads = 256;

// One query's part; a lane holds dimensions lane, lane + 32 and so on.
template <int kPerLane>
struct LanePart {
  float maximum = kMinusInfinity;
  float sum = 0.0F;
  float out[kPerLane] = {};

  __device__ __forceinline__ void load(const AttentionArgs& args, int unit, int row) {
    const PartSlot slot = part_slot(args, unit);
    maximum = slot.maximum[row];
    sum = slot.sum[row];
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int dim = i * kWarp + static_cast<int>(threadIdx.x) % kWarp;
      out[i] = dim < args.head_dim ? slot.sums[row * args.head_dim + dim] : 0.0F;
    }
  }

  __device__ __forceinline__ void merge(const LanePart& piece) {
    const MergeFactors factors = merge_factors(maximum, piece.maximum);
    maximum = factors.maximum;
    sum = merged(sum, piece.sum, factors);
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) out[i] = merged(out[i], piece.out[i], factors);
  }

  __device__ __forceinline__ void write(const AttentionArgs& args, int64_t to) const {
    const float factor = normalizer(sum);
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int dim = i * kWarp + static_cast<int>(threadIdx.x) % kWarp;
      if (dim < args.head_dim)
        store_value(args.out, args.out_dtype, to + dim, __fmul_rn(out[i], factor));
    }
  }
};

// The parts of one query: slots first .. first + pieces - 1, the first of them `first_piece` pieces
// from the sequence's start.
template <int kPerLane>
__device__ __forceinline__ LanePart<kPerLane> fold(const AttentionArgs& args, bool by_chunks,
                                                   int first, int pieces, int first_piece,
                                                   int row) {
  constexpr int kAhead = kPerLane > 4 ? 4 : 8;  // parts under way at a time
  constexpr int kSpanChunks = kSpanKeys / kChunkKeys;
  LanePart<kPerLane> whole;
  LanePart<kPerLane> span;
  for (int begin = 0; begin < pieces; begin += kAhead) {
    LanePart<kPerLane> parts[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (begin + i < pieces) parts[i].load(args, first + begin + i, row);
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int piece = begin + i;
      if (piece >= pieces) break;
      span.merge(parts[i]);
      if (by_chunks && piece + 1 < pieces && (first_piece + piece + 1) % kSpanChunks != 0) continue;
      whole.merge(span);
      span = {};
    }
  }
  return whole;
}

template <int kPerLane>
__global__ __launch_bounds__(kThreads) void combine(const __grid_constant__ AttentionArgs args) {
  extern __shared__ int starts[];
  const SplitWork work = list_split_work(args, starts);
  const int heads = args.kv_heads * args.group;
  const int warps = static_cast<int>(gridDim.x) * kThreads / kWarp;
  // Queries go to one warp of each block before another warp gets any.
  const int warp = static_cast<int>(threadIdx.x / kWarp * gridDim.x + blockIdx.x);
  for (int query = warp; query < args.sequences * heads; query += warps) {
    const int sequence = query / heads;
    const int units = starts[sequence + 1] - starts[sequence];
    const int pieces = units / (row_tiles(args) * args.kv_heads);
    if (pieces <= 1) continue;
    const int head = query % heads;
    const int kv_head = head / args.group;
    const int row = head % args.group;
    const SequenceRows rows = sequence_rows(args, sequence);
    const int tile = row / kTileRows * args.kv_heads + kv_head;
    const int first_piece = visible_keys(args, rows.kv_len - 1).first / work.piece_keys();
    fold<kPerLane>(args, work.by_chunks, starts[sequence] + tile * pieces, pieces, first_piece,
                   row % kTileRows)
        .write(args, rows.element(args, args.out_stride, kv_head, row));
  }
}

template <int kPerLane>
void launch_lanes(const AttentionArgs& args, cudaStream_t stream) {
  // One round of queries, or as many blocks as run at once.
  const int queries = args.sequences * args.kv_heads * args.group;
  const int blocks = std::min(queries, 2 * args.split_blocks);
  launch(combine<kPerLane>, dim3(static_cast<unsigned>(blocks)), kThreads,
         (args.sequences + 1) * static_cast<int>(sizeof(int)), args, stream);
}

}  // namespace

void launch_combine(const AttentionArgs& args, cudaStream_t stream) {
  if (args.head_dim <= 32) return launch_lanes<1>(args, stream);
  if (args.head_dim <= 64) return launch_lanes<2>(args, stream);
  if (args.head_dim <= 128) return launch_lanes<4>(args, stream);
  launch_lanes<8>(args, stream);
}

}  // namespace chitu::cuda
