// A warp's share of attention with matrix instructions: 16 queries over a tile of keys that lies in
// shared memory. Lane i holds, of all that belongs to queries, rows i / 4 and i / 4 + 8.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels/attention/instructions.cuh"
#include "backend/cuda/kernels/attention/softmax.cuh"
#include "backend/cuda/kernels/attention/work.cuh"

namespace chitu::cuda {

// Keys, or values, in shared memory: rows of kDim values, zeros beyond head_dim. The 16-byte pieces
// of a row are permuted by the row's number, so that the same piece of eight rows lies in different
// banks.
template <int kDim>
struct MmaTile {
  static constexpr int kKeys = kDim > 128 ? 16 : 32;  // registers
  static constexpr int kPieces = kDim / 8;
  static constexpr int kRowBytes = kDim * 2;
  static constexpr int kBytes = kKeys * kRowBytes;

  static __device__ __forceinline__ uint32_t offset(int row, int piece) {
    return static_cast<uint32_t>(row * kRowBytes + ((piece ^ (row & 7)) << 4));
  }
};

// A part of 16 queries. Between tiles `sum` is of the columns that the lane holds.
template <int kDim>
struct MmaPart {
  float maximum[2];
  float sum[2];
  float out[kDim / 8][4];  // columns 8 n + 2 (i % 4), the next; the same of the second row

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      maximum[i] = kMinusInfinity;
      sum[i] = 0.0F;
    }
#pragma unroll
    for (auto& n : out) n[0] = n[1] = n[2] = n[3] = 0.0F;
  }

  // After the last tile of a chunk.
  __device__ __forceinline__ void add_sums() {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      sum[i] = __fadd_rn(sum[i], __shfl_xor_sync(kAllLanes, sum[i], 1));
      sum[i] = __fadd_rn(sum[i], __shfl_xor_sync(kAllLanes, sum[i], 2));
    }
  }

  __device__ __forceinline__ void merge(const MmaPart& piece) {
    MergeFactors factors[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      factors[i] = merge_factors(maximum[i], piece.maximum[i]);
      maximum[i] = factors[i].maximum;
      sum[i] = merged(sum[i], piece.sum[i], factors[i]);
    }
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
#pragma unroll
      for (int c = 0; c < 4; ++c) out[n][c] = merged(out[n][c], piece.out[n][c], factors[c / 2]);
    }
  }
};

// A part in shared memory, each lane its own values. Lanes of different warps with the same number
// hold the same places.
template <int kDim>
class SharedPart {
 public:
  static constexpr int kBytes = (kDim / 8 + 1) * kWarp * static_cast<int>(sizeof(float4));

  __device__ explicit SharedPart(std::byte* memory)
      : lane_(reinterpret_cast<float4*>(memory) + threadIdx.x % kWarp) {}

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) lane_[n * kWarp] = {};
    lane_[kSums] = {kMinusInfinity, kMinusInfinity, 0.0F, 0.0F};
  }

  __device__ __forceinline__ void merge(const MmaPart<kDim>& piece) {
    const float4 sums = lane_[kSums];
    const MergeFactors first = merge_factors(sums.x, piece.maximum[0]);
    const MergeFactors second = merge_factors(sums.y, piece.maximum[1]);
    lane_[kSums] = {first.maximum, second.maximum, merged(sums.z, piece.sum[0], first),
                    merged(sums.w, piece.sum[1], second)};
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
      const float4 out = lane_[n * kWarp];
      lane_[n * kWarp] = {
          merged(out.x, piece.out[n][0], first), merged(out.y, piece.out[n][1], first),
          merged(out.z, piece.out[n][2], second), merged(out.w, piece.out[n][3], second)};
    }
  }

  __device__ __forceinline__ void load(MmaPart<kDim>& part) const {
    const float4 sums = lane_[kSums];
    part.maximum[0] = sums.x;
    part.maximum[1] = sums.y;
    part.sum[0] = sums.z;
    part.sum[1] = sums.w;
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
      const float4 out = lane_[n * kWarp];
      part.out[n][0] = out.x;
      part.out[n][1] = out.y;
      part.out[n][2] = out.z;
      part.out[n][3] = out.w;
    }
  }

 private:
  static constexpr int kSums = kDim / 8 * kWarp;
  float4* lane_;
};

// The queries of a warp as the matrix instructions take them: in registers, or each lane's in
// shared memory of its own where registers would not suffice.
template <int kDim, bool kInRegisters = (kDim <= 128)>
struct MmaQueries {
  static constexpr int kBytes = 0;  // of shared memory
  uint32_t values[kDim / 16][4];

  __device__ explicit MmaQueries(std::byte*) {}
  __device__ __forceinline__ void set(int step, const uint32_t (&a)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) values[step][i] = a[i];
  }
  __device__ __forceinline__ void get(int step, uint32_t (&a)[4]) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) a[i] = values[step][i];
  }
};
template <int kDim>
struct MmaQueries<kDim, false> {
  static constexpr int kBytes = kDim / 16 * kWarp * static_cast<int>(sizeof(uint4));
  uint4* lane;

  __device__ explicit MmaQueries(std::byte* memory)
      : lane(reinterpret_cast<uint4*>(memory) + threadIdx.x % kWarp) {}
  __device__ __forceinline__ void set(int step, const uint32_t (&a)[4]) {
    lane[step * kWarp] = {a[0], a[1], a[2], a[3]};
  }
  __device__ __forceinline__ void get(int step, uint32_t (&a)[4]) const {
    const uint4 values = lane[step * kWarp];
    a[0] = values.x;
    a[1] = values.y;
    a[2] = values.z;
    a[3] = values.w;
  }
};

// Rows first_row .. first_row + 15 of a sequence and kv head; zeros from end_row on.
template <class T, int kDim>
__device__ __forceinline__ void load_queries(MmaQueries<kDim>& queries, const AttentionArgs& args,
                                             const SequenceRows& rows, int kv_head, int first_row,
                                             int end_row) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const T* from[2];
  bool valid[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = first_row + lane / 4 + half * 8;
    valid[half] = row < end_row;
    from[half] = static_cast<const T*>(args.q) +
                 (valid[half] ? rows.element(args, args.q_stride, kv_head, row) : 0);
  }
#pragma unroll
  for (int step = 0; step < kDim / 16; ++step) {
    uint32_t a[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int dim = step * 16 + i / 2 * 8 + lane % 4 * 2;
      a[i] = valid[i % 2] && dim < args.head_dim
                 ? __ldg(reinterpret_cast<const uint32_t*>(from[i % 2] + dim))
                 : 0U;
    }
    queries.set(step, a);
  }
}

// A tile of keys and values, and who sees what of it.
struct MmaKeys {
  uint32_t keys = 0;    // address in shared memory
  uint32_t values = 0;  // the same
  const std::byte* values_memory = nullptr;
  int first = 0;        // position of the first key
  bool masked = false;  // some row does not see some key
  bool mixed = false;   // nor do all rows see the same keys
};

// The scores of 16 queries and kKeys keys.
template <class T, int kDim>
__device__ __forceinline__ void multiply_keys(float (&scores)[MmaTile<kDim>::kKeys / 8][4],
                                              const MmaQueries<kDim>& queries, uint32_t keys) {
  using Tile = MmaTile<kDim>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  // Matrices: keys 0 to 7 of dimensions 0 to 7 and 8 to 15, then keys 8 to 15 of them.
  const int key = lane % 8 + lane / 16 * 8;
  const int piece = lane / 8 % 2;
#pragma unroll
  for (auto& n : scores) n[0] = n[1] = n[2] = n[3] = 0.0F;
#pragma unroll
  for (int step = 0; step < kDim / 16; ++step) {
    uint32_t a[4];
    queries.get(step, a);
#pragma unroll
    for (int pair = 0; pair < Tile::kKeys / 16; ++pair) {
      uint32_t b[4];
      load_matrices(b, keys + Tile::offset(pair * 16 + key, step * 2 + piece));
      multiply_add<T>(scores[pair * 2], a, b[0], b[1]);
      multiply_add<T>(scores[pair * 2 + 1], a, b[2], b[3]);
    }
  }
}

// Turns products into scores, minus infinity for keys that a row does not see.
template <int kTiles>
__device__ __forceinline__ void score_and_mask(float (&scores)[kTiles][4], const MmaKeys& tile,
                                               const KeyRange (&visible)[2], float scale,
                                               float cap) {
  const int first = tile.first + static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
  for (int n = 0; n < kTiles; ++n) {
#pragma unroll
    for (int c = 0; c < 4; ++c) scores[n][c] = score_of(scores[n][c], scale, cap);
    if (!tile.masked) continue;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      if (!visible[c / 2].has(first + n * 8 + c % 2)) scores[n][c] = kMinusInfinity;
    }
  }
}

// Turns scores into probabilities, as yet without their sum, which it adds to the part's; what the
// part holds is rescaled where its maximum grows.
template <int kDim, int kTiles>
__device__ __forceinline__ void exponentiate(MmaPart<kDim>& part, float (&scores)[kTiles][4]) {
  float factor[2];
  float zero[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    float maximum = kMinusInfinity;
#pragma unroll
    for (int n = 0; n < kTiles; ++n)
      maximum = fmaxf(maximum, fmaxf(scores[n][i * 2], scores[n][i * 2 + 1]));
    maximum = fmaxf(maximum, __shfl_xor_sync(kAllLanes, maximum, 1));
    maximum = fmaxf(maximum, __shfl_xor_sync(kAllLanes, maximum, 2));
    maximum = fmaxf(maximum, part.maximum[i]);
    zero[i] = finite_or_zero(maximum);
    factor[i] = power_of_two(__fsub_rn(part.maximum[i], zero[i]));
    part.maximum[i] = maximum;
  }
  // Multiplying by one changes nothing, so most tiles after the first are spared it.
  if (!__all_sync(kAllLanes, factor[0] == 1.0F && factor[1] == 1.0F)) {
#pragma unroll
    for (int i = 0; i < 2; ++i) part.sum[i] = __fmul_rn(part.sum[i], factor[i]);
#pragma unroll
    for (auto& n : part.out) {
#pragma unroll
      for (int c = 0; c < 4; ++c) n[c] = __fmul_rn(n[c], factor[c / 2]);
    }
  }
#pragma unroll
  for (int n = 0; n < kTiles; ++n) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      scores[n][c] = power_of_two(__fsub_rn(scores[n][c], zero[c / 2]));
      part.sum[c / 2] = __fadd_rn(part.sum[c / 2], scores[n][c]);
    }
  }
}

// Whether a tile of values holds an infinity or NaN. The same in all lanes.
template <class T, int kDim>
__device__ __forceinline__ bool holds_not_finite(const std::byte* values) {
  bool finite = true;
  const auto* pieces = reinterpret_cast<const uint4*>(values);
  for (int i = static_cast<int>(threadIdx.x) % kWarp;
       i < MmaTile<kDim>::kKeys * MmaTile<kDim>::kPieces; i += kWarp) {
    const uint4 piece = pieces[i];
    finite = finite && is_finite_pair<T>(piece.x) && is_finite_pair<T>(piece.y) &&
             is_finite_pair<T>(piece.z) && is_finite_pair<T>(piece.w);
  }
  return !__all_sync(kAllLanes, finite);
}

// Adds the infinities and NaN of a tile of values to the rows that see them. With what probability
// makes no difference, unless it is 0.
template <class T, int kDim>
__device__ __forceinline__ void add_not_finite(MmaPart<kDim>& part, const MmaKeys& tile,
                                               const KeyRange (&visible)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int key = 0; key < MmaTile<kDim>::kKeys; ++key) {
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
      const auto* values =
          reinterpret_cast<const T*>(tile.values_memory + MmaTile<kDim>::offset(key, n)) +
          lane % 4 * 2;
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const float value = to_float(values[c % 2]);
        if (!isfinite(value) && visible[c / 2].has(tile.first + key)) part.out[n][c] += value;
      }
    }
  }
}

// part.out += probabilities * values. An infinity or NaN among the values of a tile that some rows
// see and others do not would reach them all: 0 times either is NaN.
template <class T, int kDim>
__device__ __forceinline__ void multiply_values(MmaPart<kDim>& part,
                                                const float (&scores)[MmaTile<kDim>::kKeys / 8][4],
                                                const MmaKeys& tile, const KeyRange (&visible)[2]) {
  using Tile = MmaTile<kDim>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const bool guarded = tile.mixed && holds_not_finite<T, kDim>(tile.values_memory);
  // Matrices: keys 0 to 7 and 8 to 15 of dimensions 0 to 7, then of dimensions 8 to 15.
  const int key = lane % 16;
  const int piece = lane / 16;
#pragma unroll
  for (int step = 0; step < Tile::kKeys / 16; ++step) {
    const auto& low = scores[step * 2];
    const auto& high = scores[step * 2 + 1];
    const uint32_t a[4] = {pair_of<T>(low[0], low[1]), pair_of<T>(low[2], low[3]),
                           pair_of<T>(high[0], high[1]), pair_of<T>(high[2], high[3])};
#pragma unroll
    for (int pair = 0; pair < kDim / 16; ++pair) {
      uint32_t b[4];
      load_matrices_transposed(b, tile.values + Tile::offset(step * 16 + key, pair * 2 + piece));
      if (guarded) {
#pragma unroll
        for (uint32_t& values : b) values = finite_or_zero_pair<T>(values);
      }
      multiply_add<T>(part.out[pair * 2], a, b[0], b[1]);
      multiply_add<T>(part.out[pair * 2 + 1], a, b[2], b[3]);
    }
  }
  if (guarded) add_not_finite<T, kDim>(part, tile, visible);
}

// Folds a tile into a part.
template <class T, int kDim>
__device__ __forceinline__ void attend_tile(const AttentionArgs& args, MmaPart<kDim>& part,
                                            const MmaQueries<kDim>& queries, const MmaKeys& tile,
                                            const KeyRange (&visible)[2]) {
  float scores[MmaTile<kDim>::kKeys / 8][4];
  multiply_keys<T, kDim>(scores, queries, tile.keys);
  score_and_mask(scores, tile, visible, args.scale, args.cap);
  exponentiate(part, scores);
  multiply_values<T, kDim>(part, scores, tile, visible);
}

// Copies rows of the cache, of keys and values, to rows first .. first + kRows - 1 of two tiles in
// shared memory. Lane i names the cache's row of row i, or -1 for zeros.
template <class T, int kDim, int kRows>
__device__ __forceinline__ void copy_rows(const AttentionArgs& args, uint32_t keys, uint32_t values,
                                          int first, int cache_row) {
  using Tile = MmaTile<kDim>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  static_assert(kRows <= kWarp && kRows * Tile::kPieces % kWarp == 0);
#pragma unroll 4
  for (int i = 0; i < kRows * Tile::kPieces / kWarp; ++i) {
    const int row = (i * kWarp + lane) / Tile::kPieces;
    const int piece = (i * kWarp + lane) % Tile::kPieces;
    const int from = __shfl_sync(kAllLanes, cache_row, row);
    const bool valid = from >= 0 && piece * 8 < args.head_dim;
    const int64_t at = valid ? int64_t{from} * args.head_dim + piece * 8 : 0;
    const uint32_t to = Tile::offset(first + row, piece);
    copy_async(keys + to, static_cast<const T*>(args.k) + at, valid);
    copy_async(values + to, static_cast<const T*>(args.v) + at, valid);
  }
}

// Writes what a warp has found for rows first_row .. of a sequence and kv head, up to end_row.
template <class T, int kDim>
__device__ __forceinline__ void write_out(const AttentionArgs& args, const MmaPart<kDim>& part,
                                          const SequenceRows& rows, int kv_head, int first_row,
                                          int end_row) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row = first_row + lane / 4 + i * 8;
    if (row >= end_row) continue;
    T* const to = static_cast<T*>(args.out) + rows.element(args, args.out_stride, kv_head, row) +
                  lane % 4 * 2;
    const float factor = normalizer(part.sum[i]);
    const bool aligned = reinterpret_cast<uintptr_t>(to) % 4 == 0;
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
      if (n * 8 >= args.head_dim) break;
      const uint32_t pair = pair_of<T>(__fmul_rn(part.out[n][i * 2], factor),
                                       __fmul_rn(part.out[n][i * 2 + 1], factor));
      if (aligned) {
        *reinterpret_cast<uint32_t*>(to + n * 8) = pair;
      } else {
        const T* values = reinterpret_cast<const T*>(&pair);
        to[n * 8] = values[0];
        to[n * 8 + 1] = values[1];
      }
    }
  }
}

}  // namespace chitu::cuda
