// A row's team: one block of 1024 threads, or, where rows are few, a cluster of them (sm_90) that
// shares the row. What is written for a team runs on either.
//
// Everything that a team adds up is an integer and everything else a maximum, so that no result
// depends on the number of blocks, on the order in which threads come, nor on other rows.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels/device.cuh"

namespace chitu::cuda {

inline constexpr int kTeamWarps = 32;  // of a block: as many as a warp has lanes
inline constexpr int kTeamThreads = kTeamWarps * kWarp;

struct Sum {
  __device__ uint64_t operator()(uint64_t a, uint64_t b) const { return a + b; }
};
struct Largest {
  __device__ uint64_t operator()(uint64_t a, uint64_t b) const { return a > b ? a : b; }
};

template <class Combine>
__device__ __forceinline__ uint64_t warp_combine(uint64_t x, Combine combine) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    x = combine(x, __shfl_xor_sync(kAllLanes, x, offset));
  return x;
}

// The sum over this lane and those before it.
__device__ __forceinline__ uint64_t warp_prefix(uint64_t x) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const uint64_t other = __shfl_up_sync(kAllLanes, x, offset);
    if (lane >= offset) x += other;
  }
  return x;
}

// The two instructions of clusters. On older devices no team has more than one block; saying so
// spares the compiler what follows.
__device__ __forceinline__ void cluster_sync() {
#if __CUDA_ARCH__ >= 900
  __cluster_barrier_arrive();
  __cluster_barrier_wait();
#else
  __trap();
  __builtin_unreachable();
#endif
}
// The same shared variable in another block of the cluster.
template <class T>
__device__ __forceinline__ T* of_block(T* shared, [[maybe_unused]] int rank) {
#if __CUDA_ARCH__ >= 900
  return static_cast<T*>(__cluster_map_shared_rank(shared, static_cast<unsigned>(rank)));
#else
  __trap();
  return shared;
#endif
}

// Of each block, in shared memory.
struct TeamStorage {
  uint64_t of_warps[kTeamWarps];
  uint64_t of_block;
};

template <int kBlocks>
class RowTeam {
 public:
  static constexpr int kWarps = kBlocks * kTeamWarps;

  explicit __device__ RowTeam(TeamStorage& storage) : storage_(storage) {}

  __device__ static int row() { return static_cast<int>(blockIdx.x) / kBlocks; }
  __device__ static int rank() { return static_cast<int>(blockIdx.x) % kBlocks; }
  __device__ static int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
  __device__ static int warp() { return static_cast<int>(threadIdx.x) / kWarp; }
  __device__ static int team_warp() { return rank() * kTeamWarps + warp(); }

  // Barrier; also the last thing a block does, since others may read its shared memory until then.
  __device__ void sync() const {
    if constexpr (kBlocks == 1) {
      __syncthreads();
    } else {
      cluster_sync();
    }
  }

  // A block's shared variable, seen from any block; between two sync().
  template <class T>
  __device__ T* at(T* shared, int rank) const {
    if constexpr (kBlocks == 1) {
      return shared;
    } else {
      return of_block(shared, rank);
    }
  }

  // Over all threads of the block, or of the team; in every thread.
  template <class Combine>
  __device__ uint64_t block_combine(uint64_t x, Combine combine) const {
    x = warp_combine(x, combine);
    __syncthreads();  // the last use of of_warps is over
    if (lane() == 0) storage_.of_warps[warp()] = x;
    __syncthreads();
    return warp_combine(storage_.of_warps[lane()], combine);
  }
  template <class Combine>
  __device__ uint64_t combine(uint64_t x, Combine combine) const {
    x = block_combine(x, combine);
    if constexpr (kBlocks > 1) {
      if (threadIdx.x == 0) storage_.of_block = x;
      sync();
      x = *at(&storage_.of_block, 0);
      for (int r = 1; r < kBlocks; ++r) x = combine(x, *at(&storage_.of_block, r));
      sync();
    }
    return x;
  }

  // The sum over this thread and those before it in the block, and over all of them.
  struct Prefix {
    uint64_t inclusive;
    uint64_t total;
  };
  __device__ Prefix block_prefix(uint64_t x) const {
    const uint64_t in_warp = warp_prefix(x);
    __syncthreads();
    if (lane() == kWarp - 1) storage_.of_warps[warp()] = in_warp;
    __syncthreads();
    const uint64_t warps = warp_prefix(storage_.of_warps[lane()]);
    const uint64_t before = __shfl_sync(kAllLanes, warps, warp() == 0 ? 0 : warp() - 1);
    return {in_warp + (warp() == 0 ? 0 : before), __shfl_sync(kAllLanes, warps, kWarp - 1)};
  }

 private:
  TeamStorage& storage_;
};

}  // namespace chitu::cuda
