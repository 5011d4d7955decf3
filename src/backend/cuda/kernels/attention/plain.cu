#include "backend/cuda/kernels/attention/launch.cuh"
#include "backend/cuda/kernels/attention/plain.cuh"

namespace chitu::cuda {
namespace {

// The units of work.cuh, or tiles of sequences with several new tokens over all their keys. One
// kernel, so that it is the same code that computes a token's result in either case.
template <int kDim>
__global__ __launch_bounds__(kPlainThreads) void plain(const __grid_constant__ AttentionArgs args,
                                                       bool split) {
  extern __shared__ __align__(16) std::byte memory[];
  auto& shared = *reinterpret_cast<PlainShared<kDim>*>(memory);
  SplitWork work{.total = most_tiles(args, kTileRows) * args.kv_heads};
  if (split)
    work = list_split_work(args, reinterpret_cast<int*>(memory + sizeof(PlainShared<kDim>)));
  Plain<kDim> plain(args, shared);
  for (int number = static_cast<int>(blockIdx.x); number < work.total;
       number += static_cast<int>(gridDim.x)) {
    PlainTask task;
    bool part = false;
    if (split) {
      const SplitUnit unit = split_unit(args, work, number);
      task = {.rows = unit.rows,
              .kv_head = unit.kv_head,
              .first_row = unit.first_row,
              .end_row = min(unit.first_row + kTileRows, args.group),
              .keys = unit.keys,
              .seen_by_all = visible_keys(args, unit.rows.kv_len - 1)};
      part = !unit.only;
    } else {
      const int tile = number / args.kv_heads;
      task.rows = sequence_rows(args, find_sequence(args, tile, kTileRows));
      task.kv_head = number % args.kv_heads;
      task.first_row = (tile - first_tile(args, task.rows.sequence, kTileRows)) * kTileRows;
      task.end_row = min(task.first_row + kTileRows, task.rows.rows(args));
      if (task.rows.tokens <= 1 || task.first_row >= task.end_row) continue;
      const KeyRange first = visible_keys(args, task.rows.position(args, task.first_row));
      const KeyRange last = visible_keys(args, task.rows.position(args, task.end_row - 1));
      task.keys = {first.first, last.end};
      task.seen_by_all = {last.first, first.end};
    }
    plain.attend(task);
    if (part) {
      plain.write_part(task, number);
    } else {
      plain.write_out(task);
    }
  }
}

template <int kDim>
void launch_plain(const AttentionArgs& args, bool split, cudaStream_t stream) {
  constexpr int kAlwaysAllowed = 48 << 10;
  const int bytes = static_cast<int>(sizeof(PlainShared<kDim>)) +
                    (split ? (args.sequences + 1) * static_cast<int>(sizeof(int)) : 0);
  const int blocks = split ? args.split_blocks : most_tiles(args, kTileRows) * args.kv_heads;
  if (bytes > kAlwaysAllowed)
    cudaFuncSetAttribute(plain<kDim>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  plain<kDim><<<blocks, kPlainThreads, static_cast<std::size_t>(bytes), stream>>>(args, split);
}

void launch_plain(const AttentionArgs& args, bool split, cudaStream_t stream) {
  if (args.head_dim <= 32) return launch_plain<32>(args, split, stream);
  if (args.head_dim <= 64) return launch_plain<64>(args, split, stream);
  if (args.head_dim <= 128) return launch_plain<128>(args, split, stream);
  launch_plain<256>(args, split, stream);
}

}  // namespace

void launch_plain_prefill(const AttentionArgs& args, cudaStream_t stream) {
  launch_plain(args, false, stream);
}

void launch_plain_split(const AttentionArgs& args, cudaStream_t stream) {
  launch_plain(args, true, stream);
}

// A block works on a unit at a time, as one warp of the matrix kernels does.
void share_plain_split(AttentionArgs& args, int multiprocessors) {
  args.split_blocks = 2 * multiprocessors;
  args.split_warps = 1;
}

}  // namespace chitu::cuda
