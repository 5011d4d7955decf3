// A row of logits as the kernels of Sample see it: who reads what, the rank of a token, and the
// weight of its probability as an integer.
#pragma once

#include <cstdint>
#include <limits>

#include "backend/cuda/kernels/sample/row_team.cuh"
#include "backend/cuda/kernels/sample/sample_kernels.h"

namespace chitu::cuda {

inline constexpr float kLeast = -std::numeric_limits<float>::infinity();
inline constexpr int kNoId = std::numeric_limits<int>::max();

// Rank. Bits that have the order of the logits: NaN counts as minus infinity, and -0 as 0.
__device__ __forceinline__ float number(float x) {
  // Of a NaN and a number, fmaxf gives the number.
  return fmaxf(x, kLeast) + 0.0F;
}
__device__ __forceinline__ uint32_t key_of(float number) {
  const uint32_t bits = __float_as_uint(number);
  return bits ^ ((bits >> 31) != 0 ? 0xffffffffU : 0x80000000U);
}
__device__ __forceinline__ float number_of(uint32_t key) {
  return __uint_as_float(key ^ ((key >> 31) != 0 ? 0x80000000U : 0xffffffffU));
}
// The greater, the more probable; the lower id among equals. Never 0.
__device__ __forceinline__ uint64_t rank_of(float number, int id) {
  return uint64_t{key_of(number)} << 32 | ~static_cast<uint32_t>(id);
}
__device__ __forceinline__ int id_of(uint64_t rank) {
  return static_cast<int>(~static_cast<uint32_t>(rank));
}
__device__ __forceinline__ float number_of(uint64_t rank) {
  return number_of(static_cast<uint32_t>(rank >> 32));
}

// Weights. The largest logit has 1 = 2^42; a row of 2^22 tokens can be added up, in any order, with
// one result. What is lost of each token is less than 2^-42.
inline constexpr int kOneBits = 42;

// p, in [0, 1], times 2^42, rounded down.
__device__ __forceinline__ uint64_t fixed_point(float p) {
  constexpr int kBias = 127 + 23;
  const uint32_t bits = __float_as_uint(p);
  const int shift = static_cast<int>(bits >> 23) - kBias + kOneBits;
  const uint32_t mantissa = (bits & 0x7fffffU) | 0x800000U;
  return shift >= 0 ? uint64_t{mantissa} << shift : mantissa >> min(-shift, 31);
}

// softmax(logits / temperature), not normalised.
struct Softmax {
  float largest;
  float inverse_temperature;

  // In temperatures: 0 of the largest; infinity where there is no comparison. Never fused with what
  // follows: a token has one weight wherever it is computed.
  __device__ __forceinline__ float distance(float number) const {
    return number == largest ? 0.0F : __fmul_rn(__fsub_rn(largest, number), inverse_temperature);
  }
  __device__ __forceinline__ uint64_t weight(float number) const {
    return fixed_point(expf(-distance(number)));
  }
};

__device__ __forceinline__ float log_probability(const SampleLogSoftmax& of_row, float number) {
  // Where the largest is infinite, those like it share everything.
  return (number == of_row.largest ? 0.0F : number - of_row.largest) - of_row.log_sum;
}

// Every warp of a team owns neighbouring tokens, in the order of the warps, and reads them 16 bytes
// a lane. Rows may begin anywhere: pieces of 16 bytes that do not lie within the row are read
// token by token.
struct PieceRange {
  int begin;
  int end;
};

class RowView {
 public:
  __device__ RowView(const SampleArgs& args, int row, int warps) : vocab_(args.vocab) {
    const float* first = args.logits + row * args.stride;
    offset_ = static_cast<int>(reinterpret_cast<uintptr_t>(first) / sizeof(float) % kPiece);
    pieces_ = first - offset_;
    num_pieces_ = (offset_ + vocab_ + kPiece - 1) / kPiece;
    of_warp_ = (num_pieces_ + warps - 1) / warps;
  }

  __device__ PieceRange of_warp(int warp) const {
    return {min(warp * of_warp_, num_pieces_), min((warp + 1) * of_warp_, num_pieces_)};
  }

  // Calls f(number, id) for the pieces begin, begin + step, ...; ids ascend.
  template <class F>
  __device__ __forceinline__ void for_each(int begin, int end, int step, F&& f) const {
    constexpr int kAtOnce = 4;  // loads under way before the first is used
    for (int piece = begin; piece < end; piece += kAtOnce * step) {
      float4 x[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (piece + i * step < end) x[i] = load(piece + i * step);
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (piece + i * step < end) visit(piece + i * step, x[i], f);
    }
  }
  // For those of this thread.
  template <int kBlocks, class F>
  __device__ __forceinline__ void for_each(const RowTeam<kBlocks>& team, F&& f) const {
    const PieceRange range = of_warp(team.team_warp());
    for_each(range.begin + team.lane(), range.end, kWarp, f);
  }

  __device__ float at(int id) const { return pieces_[offset_ + id]; }

 private:
  static constexpr int kPiece = 4;

  __device__ __forceinline__ bool has(int id) const { return id >= 0 && id < vocab_; }
  __device__ __forceinline__ bool is_whole(int id) const { return id >= 0 && id + 3 < vocab_; }

  __device__ __forceinline__ float4 load(int piece) const {
    const int id = kPiece * piece - offset_;
    const float* from = pieces_ + kPiece * static_cast<int64_t>(piece);
    if (is_whole(id)) return *reinterpret_cast<const float4*>(from);
    return {has(id) ? from[0] : 0.0F, has(id + 1) ? from[1] : 0.0F, has(id + 2) ? from[2] : 0.0F,
            has(id + 3) ? from[3] : 0.0F};
  }
  template <class F>
  __device__ __forceinline__ void visit(int piece, const float4& x, F& f) const {
    const int id = kPiece * piece - offset_;
    if (has(id)) f(number(x.x), id);
    if (has(id + 1)) f(number(x.y), id + 1);
    if (has(id + 2)) f(number(x.z), id + 2);
    if (has(id + 3)) f(number(x.w), id + 3);
  }

  const float* pieces_;
  int offset_;  // of the row in its first piece
  int vocab_;
  int num_pieces_;
  int of_warp_;
};

// The rank of the most probable token, in every thread.
template <int kBlocks>
__device__ uint64_t find_largest(const RowTeam<kBlocks>& team, const RowView& row) {
  float best = kLeast;
  int best_id = kNoId;
  row.for_each(team, [&](float x, int id) {
    if (x <= best) return;
    best = x;
    best_id = id;
  });
  const uint64_t rank = team.combine(rank_of(best, best_id), Largest{});
  // Nothing is above minus infinity: all are equal.
  return id_of(rank) == kNoId ? rank_of(best, 0) : rank;
}

// The first token at which the sum of weight_of(number, id), a uint64_t, of it and all before it
// exceeds target_of(sum of all); in every thread, -1 where there is none.
template <int kBlocks, class WeightOf, class TargetOf>
__device__ int locate(const RowTeam<kBlocks>& team, const RowView& row, WeightOf weight_of,
                      TargetOf target_of) {
  static_assert(RowTeam<kBlocks>::kWarps <= kTeamThreads);
  __shared__ uint64_t sums[kTeamWarps];  // of this block's warps
  __shared__ uint64_t found_before;
  __shared__ int found_warp;
  __shared__ int found_id;

  uint64_t sum = 0;
  row.for_each(team, [&](float x, int id) { sum += weight_of(x, id); });
  sum = warp_combine(sum, Sum{});
  if (team.lane() == 0) sums[team.warp()] = sum;
  if (threadIdx.x == 0) found_warp = found_id = -1;
  team.sync();

  // Every block goes on alone: to the same result.
  const int thread = static_cast<int>(threadIdx.x);
  const bool has_warp = thread < RowTeam<kBlocks>::kWarps;
  const uint64_t of_warp =
      has_warp ? team.at(sums, thread / kTeamWarps)[thread % kTeamWarps] : uint64_t{0};
  const auto warps = team.block_prefix(of_warp);
  const uint64_t target = target_of(warps.total);
  if (warps.inclusive > target && warps.inclusive - of_warp <= target) {
    found_warp = thread;
    found_before = warps.inclusive - of_warp;
  }
  team.sync();
  if (found_warp < 0) return -1;

  const PieceRange range = row.of_warp(found_warp);
  const int of_thread = (range.end - range.begin + kTeamThreads - 1) / kTeamThreads;
  const int begin = range.begin + thread * of_thread;
  const int end = min(begin + of_thread, range.end);
  uint64_t own = 0;
  row.for_each(begin, end, 1, [&](float x, int id) { own += weight_of(x, id); });
  const uint64_t until = found_before + team.block_prefix(own).inclusive;
  if (until > target && until - own <= target) {
    uint64_t passed = until - own;
    bool found = false;
    row.for_each(begin, end, 1, [&](float x, int id) {
      passed += weight_of(x, id);
      if (found || passed <= target) return;
      found = true;
      found_id = id;
    });
  }
  __syncthreads();
  const int result = found_id;
  __syncthreads();  // before another call writes it
  return result;
}

}  // namespace chitu::cuda
