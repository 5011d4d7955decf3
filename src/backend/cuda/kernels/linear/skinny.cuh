// Few tokens times a matrix, at the speed of reading the matrix once: matrix instructions on
// operands that go from memory to registers without a detour.
//
// A matrix instruction multiplies 16 rows by 8 tokens over 16 columns. Which columns those are is
// of no importance, as long as weights and activations agree. So a lane gives it the values of
// whole 16-byte pieces: lane 4 i + j reads piece j of four in row i, the same lane piece j of token
// i, and the values of the piece are its columns, four for each instruction.
//
// Weights are the left operand, so that 8 tokens cost what 1 does. The warps of a block share its
// rows and take turns by the spans of 128 columns; their sums are added in shared memory, in order.
// The tokens of a tile have no part in that order: each token comes out as if it were alone.
#pragma once

#include <array>

#include "backend/cuda/kernels/attention/instructions.cuh"
#include "backend/cuda/kernels/device.cuh"
#include "backend/cuda/kernels/linear/decode_piece.cuh"
#include "backend/cuda/kernels/linear/linear_kernel.h"
#include "base/check.h"
#include "base/round_up.h"

namespace chitu::cuda {

inline constexpr int kSkinnyWarps = 8;
inline constexpr int kSpanCols = kGroupCols;
inline constexpr int kMaxSkinnyTokens = 32;

// What a piece of weights becomes: pairs of T, the left operands of kPairs / 2 instructions.
template <class T, class W>
struct SkinnyWeights {
  static constexpr int kPairs = kPieceValues<W> / 2;
  static constexpr float kFactor = 1.0F;

  static __device__ __forceinline__ void pairs(const uint4& piece, uint32_t (&to)[kPairs]) {
    static_assert(sizeof(T) == sizeof(W));
    to[0] = piece.x;
    to[1] = piece.y;
    to[2] = piece.z;
    to[3] = piece.w;
  }
};
template <class T>
struct SkinnyWeights<T, E4m3> {
  static constexpr int kPairs = 8;
  static constexpr float kFactor = 1.0F / E4m3Pairs<T>::kFactor;

  static __device__ __forceinline__ void pairs(const uint4& piece, uint32_t (&to)[kPairs]) {
    const uint32_t words[4] = {piece.x, piece.y, piece.z, piece.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const uint2 both = E4m3Pairs<T>::convert(words[i]);
      to[2 * i] = both.x;
      to[2 * i + 1] = both.y;
    }
  }
};

// kTokenTiles of 8 tokens, kRowTiles of 16 rows; kLoads pieces of each row are on their way to a
// lane at a time.
template <class T, class W, int kTokenTiles, int kRowTiles, int kLoads>
class Skinny {
 public:
  static constexpr int kTokens = 8 * kTokenTiles;
  static constexpr int kRows = 16 * kRowTiles;
  // Between the tokens of a warp's sums: 4 more than the rows, so that the lanes of a warp write to
  // different banks.
  static constexpr int kSumStride = kRows + 4;
  using Sums = float[kSkinnyWarps][kTokens][kSumStride];

  __device__ __forceinline__ Skinny(const LinearCall& call)
      : call_(call),
        cols_(static_cast<int>(call.cols)),
        first_row_(int64_t{blockIdx.y} * kRows),
        first_token_(int64_t{blockIdx.x} * kTokens) {
    // Beyond the last row and token the last once more: nothing comes of it.
#pragma unroll
    for (int r = 0; r < 2 * kRowTiles; ++r) {
      const int64_t row = min(first_row_ + 8 * r + group_, call.rows - 1);
      weights_[r] = call.values + row * call.stride + quad_ * 16;
      scales_[r] = call.scales + row * call.groups;
    }
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n) {
      const int64_t token = min(first_token_ + 8 * n + group_, call.tokens - 1);
      x_[n] = static_cast<const T*>(call.x) + token * call.x_stride + quad_ * kPieceCols;
    }
  }

  // The warp's share of the columns.
  __device__ __forceinline__ void multiply() {
    const int spans = (cols_ + kSpanCols - 1) / kSpanCols;
    for (int first = warp_; first < spans; first += kSpans * kSkinnyWarps) {
#pragma unroll
      for (int part = 0; part < kLoadsPerSpan * kSpans; part += kLoads) step(first, part);
    }
  }

  __device__ __forceinline__ void put_sums(Sums& sums) const {
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
      for (int m = 0; m < kRowTiles; ++m) {
#pragma unroll
        for (int i = 0; i < 4; ++i)
          sums[warp_][8 * n + 2 * quad_ + i % 2][16 * m + group_ + i / 2 * 8] = sum_[m][n][i];
      }
    }
  }

  __device__ __forceinline__ void store(const Sums& sums) const {
    for (int i = static_cast<int>(threadIdx.x); i < kTokens * kRows; i += kSkinnyWarps * kWarp) {
      const int token = i / kRows;
      const int64_t row = first_row_ + i % kRows;
      if (first_token_ + token >= call_.tokens || row >= call_.rows) continue;
      float sum = sums[0][token][i % kRows];
#pragma unroll
      for (int warp = 1; warp < kSkinnyWarps; ++warp) sum += sums[warp][token][i % kRows];
      if (call_.bias != nullptr) sum += call_.bias[row];
      const int64_t at = (first_token_ + token) * call_.y_stride + row;
      if (call_.y_is_f32) {
        static_cast<float*>(call_.y)[at] = sum;
      } else {
        static_cast<T*>(call_.y)[at] = from_float<T>(sum);
      }
    }
  }

 private:
  using Weights = SkinnyWeights<T, W>;
  static constexpr bool kScaled = sizeof(W) == 1;
  static constexpr int kPieceCols = kPieceValues<W>;
  static constexpr int kLoadCols = 4 * kPieceCols;  // of a row, by one load of a warp
  static constexpr int kLoadsPerSpan = kSpanCols / kLoadCols;
  static constexpr int kSpans = kLoads > kLoadsPerSpan ? kLoads / kLoadsPerSpan : 1;  // of a turn
  static_assert(kLoadsPerSpan * kSpans % kLoads == 0);
  static_assert(!kScaled || kLoads % kLoadsPerSpan == 0, "a scale is for a whole span");

  // Where the warp's load `index` of the turn that begins with span `first` reads.
  static __device__ __forceinline__ int span(int first, int index) {
    return first + index / kLoadsPerSpan * kSkinnyWarps;
  }
  static __device__ __forceinline__ int column(int first, int index) {
    return span(first, index) * kSpanCols + index % kLoadsPerSpan * kLoadCols;
  }
  __device__ __forceinline__ bool valid(int col) const { return col + quad_ * kPieceCols < cols_; }

  // Loads [part, part + kLoads) of a turn, and what is multiplied with them.
  __device__ __forceinline__ void step(int first, int part) {
    uint4 pieces[kLoads][2 * kRowTiles];
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const int col = column(first, part + i);
#pragma unroll
      for (int r = 0; r < 2 * kRowTiles; ++r)
        pieces[i][r] = load_once_if(valid(col), weights_[r] + col * static_cast<int>(sizeof(W)));
    }
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const int col = column(first, part + i);
      if constexpr (kScaled) {
        multiply_piece(col, pieces[i], span_sum_);
        if (i % kLoadsPerSpan == kLoadsPerSpan - 1) add_span(span(first, part + i));
      } else {
        multiply_piece(col, pieces[i], sum_);
      }
    }
  }

  using Tiles = float[kRowTiles][kTokenTiles][4];

  __device__ __forceinline__ void multiply_piece(int col, const uint4 (&pieces)[2 * kRowTiles],
                                                 Tiles& sums) const {
    uint32_t x[kTokenTiles][Weights::kPairs];
#pragma unroll
    for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
      for (int i = 0; i < Weights::kPairs / 4; ++i) {
        const uint4 v = load_if(valid(col), x_[n] + col + 8 * i);
        x[n][4 * i] = v.x;
        x[n][4 * i + 1] = v.y;
        x[n][4 * i + 2] = v.z;
        x[n][4 * i + 3] = v.w;
      }
    }
#pragma unroll
    for (int m = 0; m < kRowTiles; ++m) {
      uint32_t upper[Weights::kPairs];
      uint32_t lower[Weights::kPairs];
      Weights::pairs(pieces[2 * m], upper);
      Weights::pairs(pieces[2 * m + 1], lower);
#pragma unroll
      for (int k = 0; k < Weights::kPairs; k += 2) {
        const uint32_t w[4] = {upper[k], lower[k], upper[k + 1], lower[k + 1]};
#pragma unroll
        for (int n = 0; n < kTokenTiles; ++n) multiply_add<T>(sums[m][n], w, x[n][k], x[n][k + 1]);
      }
    }
  }

  // A span's sums, times the scales that its rows have there, to the sums of all.
  __device__ __forceinline__ void add_span(int span) {
#pragma unroll
    for (int r = 0; r < 2 * kRowTiles; ++r) {
      const float scale = span < call_.groups ? scales_[r][span] * Weights::kFactor : 0.0F;
#pragma unroll
      for (int n = 0; n < kTokenTiles; ++n) {
#pragma unroll
        for (int i = r % 2 * 2; i < r % 2 * 2 + 2; ++i) {
          float& of_span = span_sum_[r / 2][n][i];
          sum_[r / 2][n][i] = fmaf(of_span, scale, sum_[r / 2][n][i]);
          of_span = 0.0F;
        }
      }
    }
  }

  const LinearCall& call_;
  const int cols_;
  const int warp_ = static_cast<int>(threadIdx.x) / kWarp;
  const int group_ = static_cast<int>(threadIdx.x) % kWarp / 4;
  const int quad_ = static_cast<int>(threadIdx.x) % 4;
  const int64_t first_row_;
  const int64_t first_token_;
  const std::byte* weights_[2 * kRowTiles];
  const float* scales_[2 * kRowTiles];
  const T* x_[kTokenTiles];
  Tiles sum_ = {};
  Tiles span_sum_ = {};
};

// Blocks on a multiprocessor, and so registers of a thread: with the sums of a span apart, and of
// many tokens, half of the registers do not hold what there is.
template <class W, int kTokenTiles>
inline constexpr int kSkinnyBlocks = sizeof(W) == 1 && kTokenTiles > 2 ? 1 : 2;

// The grid's x counts tiles of tokens, and so the blocks that share weights run together.
template <class T, class W, int kTokenTiles, int kRowTiles, int kLoads>
__global__ void __launch_bounds__(kSkinnyWarps* kWarp, (kSkinnyBlocks<W, kTokenTiles>))
    skinny_kernel(const __grid_constant__ LinearCall call) {
  using Kernel = Skinny<T, W, kTokenTiles, kRowTiles, kLoads>;
  __shared__ typename Kernel::Sums sums;
  Kernel kernel(call);
  kernel.multiply();
  kernel.put_sums(sums);
  __syncthreads();
  kernel.store(sums);
}

// A lane has 8 pieces, 128 bytes, on their way at a time: with two blocks on a multiprocessor 64
// KiB, of which 4 TB/s of memory at 0.7 us take a third. With many tokens more rows share their
// reads.
template <class T, class W>
void launch_skinny(const LinearCall& call, cudaStream_t stream) {
  const auto launch = [&]<int kTokenTiles, int kRowTiles, int kLoads>() {
    using Kernel = Skinny<T, W, kTokenTiles, kRowTiles, kLoads>;
    const dim3 grid(static_cast<unsigned>(div_up(call.tokens, Kernel::kTokens)),
                    static_cast<unsigned>(div_up(call.rows, Kernel::kRows)));
    skinny_kernel<T, W, kTokenTiles, kRowTiles, kLoads>
        <<<grid, kSkinnyWarps * kWarp, 0, stream>>>(call);
  };
  if (call.tokens <= 8) return launch.template operator()<1, 1, 4>();
  if (call.tokens <= 16) return launch.template operator()<2, 1, 4>();
  if (call.tokens <= 24) return launch.template operator()<3, 2, 2>();
  launch.template operator()<4, 2, 2>();
}

}  // namespace chitu::cuda
