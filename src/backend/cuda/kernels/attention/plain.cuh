// Attention without matrix instructions: any dtypes, any head_dim up to 256, arithmetic in float.
// What serves activations in F32, caches that the matrix kernels do not read, and old chips.
//
// A block takes 16 rows at a time over a range of keys, which it brings to shared memory as floats,
// a tile at a time.
#pragma once

#include "backend/cuda/kernels/attention/softmax.cuh"
#include "backend/cuda/kernels/attention/work.cuh"

namespace chitu::cuda {

inline constexpr int kPlainThreads = 128;

template <int kDim>
struct PlainShape {
  static constexpr int kKeys = kDim > 128 ? 16 : 32;  // of a tile: shared memory of sm_75
  // Scores: a lane is a key; where there are fewer keys, the parts of a warp take rows of their
  // own.
  static constexpr int kScoreRows = kTileRows * kKeys / kPlainThreads;
  // Sums of values: a thread has columns and rows.
  static constexpr int kColumns = kDim > kPlainThreads ? kDim / kPlainThreads : 1;
  static constexpr int kColumnThreads = kDim / kColumns;
  static constexpr int kSumRows = kTileRows * kColumnThreads / kPlainThreads;
  static constexpr int kKeyStride = kDim + 4;  // eight lanes' 16 bytes lie in different banks
};

// Maxima and sums of rows of a part.
struct PlainRows {
  float maximum[kTileRows];
  float sum[kTileRows];
};

template <int kDim>
struct PlainShared {
  using Shape = PlainShape<kDim>;

  alignas(16) float queries[kTileRows][kDim];
  alignas(16) float keys[Shape::kKeys][Shape::kKeyStride];
  alignas(16) float values[Shape::kKeys][kDim];
  alignas(16) float weights[kTileRows][Shape::kKeys];
  KeyRange visible[kTileRows];
  float factor[kTileRows];
  float merge_whole[kTileRows];
  float merge_piece[kTileRows];
  PlainRows chunk;
  PlainRows span;
  PlainRows whole;
};

// 16 rows, from `first_row` on, of a sequence and kv head over some keys.
struct PlainTask {
  SequenceRows rows;
  int kv_head = 0;
  int first_row = 0;
  int end_row = 0;  // of those that count
  KeyRange keys;
  KeyRange seen_by_all;
};

template <int kDim>
class Plain {
 public:
  using Shape = PlainShape<kDim>;
  using Sums = float[Shape::kColumns][Shape::kSumRows];

  __device__ Plain(const AttentionArgs& args, PlainShared<kDim>& shared)
      : args_(args), shared_(shared) {}

  // Leaves the whole part in whole_ and shared_.whole.
  __device__ void attend(const PlainTask& task) {
    __syncthreads();  // all have done with the task before
    load_queries(task);
    if (thread() < kTileRows) {
      const int row = min(task.first_row + thread(), task.end_row - 1);
      shared_.visible[thread()] = visible_keys(args_, task.rows.position(args_, row));
      reset(shared_.span);
      reset(shared_.whole);
    }
    clear(span_);
    clear(whole_);
    for (int chunk = task.keys.first / kChunkKeys * kChunkKeys; chunk < task.keys.end;
         chunk += kChunkKeys) {
      attend_chunk(task, chunk);
      merge(shared_.span, shared_.chunk, span_, chunk_);
      if (const int next = chunk + kChunkKeys; next >= task.keys.end || next % kSpanKeys == 0) {
        merge(shared_.whole, shared_.span, whole_, span_);
        clear(span_);
        if (thread() < kTileRows) reset(shared_.span);
      }
    }
  }

  __device__ void write_out(const PlainTask& task) const {
    for_each_sum([&](int row, int dim, float sum) {
      if (task.first_row + row >= task.end_row) return;
      const int64_t to =
          task.rows.element(args_, args_.out_stride, task.kv_head, task.first_row + row);
      store_value(args_.out, args_.out_dtype, to + dim,
                  __fmul_rn(sum, normalizer(shared_.whole.sum[row])));
    });
  }

  __device__ void write_part(const PlainTask& task, int unit) const {
    const PartSlot slot = part_slot(args_, unit);
    for_each_sum([&](int row, int dim, float sum) {
      if (task.first_row + row < task.end_row) slot.sums[row * args_.head_dim + dim] = sum;
    });
    if (task.first_row + thread() < min(task.end_row, task.first_row + kTileRows)) {
      slot.maximum[thread()] = shared_.whole.maximum[thread()];
      slot.sum[thread()] = shared_.whole.sum[thread()];
    }
  }

 private:
  static __device__ int thread() { return static_cast<int>(threadIdx.x); }
  static __device__ int first_sum_row() {
    return thread() / Shape::kColumnThreads * Shape::kSumRows;
  }
  static __device__ int column(int i) {
    return thread() % Shape::kColumnThreads + i * Shape::kColumnThreads;
  }

  // Of this thread's row.
  static __device__ void reset(PlainRows& rows) {
    rows.maximum[thread()] = kMinusInfinity;
    rows.sum[thread()] = 0.0F;
  }
  static __device__ void clear(Sums& sums) {
#pragma unroll
    for (auto& column : sums) {
#pragma unroll
      for (float& sum : column) sum = 0.0F;
    }
  }

  template <class F>
  __device__ void for_each_sum(F&& f) const {
#pragma unroll
    for (int i = 0; i < Shape::kColumns; ++i) {
      if (column(i) >= args_.head_dim) continue;
#pragma unroll
      for (int r = 0; r < Shape::kSumRows; ++r) f(first_sum_row() + r, column(i), whole_[i][r]);
    }
  }

  __device__ void load_queries(const PlainTask& task) {
    for (int i = thread(); i < kTileRows * kDim; i += kPlainThreads) {
      const int row = task.first_row + i / kDim;
      const int dim = i % kDim;
      float value = 0.0F;
      if (row < task.end_row && dim < args_.head_dim) {
        const int64_t at = task.rows.element(args_, args_.q_stride, task.kv_head, row);
        value = load_value(args_.q, args_.q_dtype, at + dim);
      }
      shared_.queries[i / kDim][dim] = value;
    }
  }

  // Zeros beyond the keys of the task and beyond head_dim.
  __device__ void load_keys(const PlainTask& task, int first) {
    constexpr int kThreadsOfKey = kPlainThreads / Shape::kKeys;
    const int key = thread() / kThreadsOfKey;
    const bool valid = task.keys.has(first + key);
    const int64_t row = valid ? cache_row(args_, task.rows.sequence, task.kv_head, first + key) : 0;
    // Q8_0's blocks do not cross rows.
    const int64_t at = row * args_.head_dim;
#pragma unroll 4
    for (int dim = thread() % kThreadsOfKey; dim < kDim; dim += kThreadsOfKey) {
      const bool there = valid && dim < args_.head_dim;
      shared_.keys[key][dim] = there ? load_value(args_.k, args_.k_dtype, at + dim) : 0.0F;
      shared_.values[key][dim] = there ? load_value(args_.v, args_.v_dtype, at + dim) : 0.0F;
    }
  }

  // Leaves the part of one chunk in chunk_ and shared_.chunk.
  __device__ void attend_chunk(const PlainTask& task, int chunk) {
    const KeyRange keys = overlap(task.keys, chunk, chunk + kChunkKeys);
    float maximum[Shape::kScoreRows];
    float sum[Shape::kScoreRows];
#pragma unroll
    for (int r = 0; r < Shape::kScoreRows; ++r) {
      maximum[r] = kMinusInfinity;
      sum[r] = 0.0F;
    }
    clear(chunk_);
    for (int first = keys.first / Shape::kKeys * Shape::kKeys; first < keys.end;
         first += Shape::kKeys) {
      __syncthreads();  // all have done with the tile before
      load_keys(task, first);
      __syncthreads();
      weigh(first, maximum, sum);
      __syncthreads();
      const bool mixed = first < task.seen_by_all.first ||
                         min(first + Shape::kKeys, task.keys.end) > task.seen_by_all.end;
      if (mixed) {
        add_values<true>(first);
      } else {
        add_values<false>(first);
      }
    }
    if (thread() % Shape::kKeys == 0) {
#pragma unroll
      for (int r = 0; r < Shape::kScoreRows; ++r) {
        shared_.chunk.maximum[first_score_row() + r] = maximum[r];
        shared_.chunk.sum[first_score_row() + r] = sum[r];
      }
    }
  }

  static __device__ int first_score_row() { return thread() / Shape::kKeys * Shape::kScoreRows; }

  // Scores and probabilities of a tile. The running maximum and sum of a row are the same in all
  // lanes that work on it.
  __device__ void weigh(int first, float (&maximum)[Shape::kScoreRows],
                        float (&sum)[Shape::kScoreRows]) {
    const int key = thread() % Shape::kKeys;
    float scores[Shape::kScoreRows] = {};
    const auto* k = reinterpret_cast<const float4*>(shared_.keys[key]);
#pragma unroll 4
    for (int d = 0; d < kDim / 4; ++d) {
      const float4 b = k[d];
#pragma unroll
      for (int r = 0; r < Shape::kScoreRows; ++r) {
        const float4 a = reinterpret_cast<const float4*>(shared_.queries[first_score_row() + r])[d];
        scores[r] = fmaf(a.x, b.x, scores[r]);
        scores[r] = fmaf(a.y, b.y, scores[r]);
        scores[r] = fmaf(a.z, b.z, scores[r]);
        scores[r] = fmaf(a.w, b.w, scores[r]);
      }
    }
#pragma unroll
    for (int r = 0; r < Shape::kScoreRows; ++r) {
      const int row = first_score_row() + r;
      float score = score_of(scores[r], args_.scale, args_.cap);
      if (!shared_.visible[row].has(first + key)) score = kMinusInfinity;
      float largest = score;
#pragma unroll
      for (int offset = Shape::kKeys / 2; offset > 0; offset /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, offset));
      largest = fmaxf(largest, maximum[r]);
      const float zero = finite_or_zero(largest);
      const float factor = power_of_two(__fsub_rn(maximum[r], zero));
      const float weight = power_of_two(__fsub_rn(score, zero));
      float total = weight;
#pragma unroll
      for (int offset = Shape::kKeys / 2; offset > 0; offset /= 2)
        total = __fadd_rn(total, __shfl_xor_sync(kAllLanes, total, offset));
      maximum[r] = largest;
      sum[r] = __fmaf_rn(sum[r], factor, total);
      shared_.weights[row][key] = weight;
      if (key == 0) shared_.factor[row] = factor;
    }
  }

  // chunk_ += probabilities * values. kMixed: some rows do not see some of these keys, whose values
  // may be infinite or NaN.
  template <bool kMixed>
  __device__ void add_values(int first) {
#pragma unroll
    for (int i = 0; i < Shape::kColumns; ++i) {
#pragma unroll
      for (int r = 0; r < Shape::kSumRows; ++r)
        chunk_[i][r] = __fmul_rn(chunk_[i][r], shared_.factor[first_sum_row() + r]);
    }
#pragma unroll 1
    for (int key = 0; key < Shape::kKeys; key += 4) {
#pragma unroll
      for (int i = 0; i < Shape::kColumns; ++i) {
        float values[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) values[j] = shared_.values[key + j][column(i)];
#pragma unroll
        for (int r = 0; r < Shape::kSumRows; ++r) {
          const int row = first_sum_row() + r;
          const float4 pack = *reinterpret_cast<const float4*>(&shared_.weights[row][key]);
          const float weights[4] = {pack.x, pack.y, pack.z, pack.w};
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            if (!kMixed || shared_.visible[row].has(first + key + j))
              chunk_[i][r] = __fmaf_rn(weights[j], values[j], chunk_[i][r]);
          }
        }
      }
    }
  }

  __device__ void merge(PlainRows& whole, const PlainRows& piece, Sums& whole_sums,
                        const Sums& piece_sums) {
    __syncthreads();
    if (const int row = thread(); row < kTileRows) {
      const MergeFactors factors = merge_factors(whole.maximum[row], piece.maximum[row]);
      whole.maximum[row] = factors.maximum;
      whole.sum[row] = merged(whole.sum[row], piece.sum[row], factors);
      shared_.merge_whole[row] = factors.whole;
      shared_.merge_piece[row] = factors.piece;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < Shape::kColumns; ++i) {
#pragma unroll
      for (int r = 0; r < Shape::kSumRows; ++r) {
        const int row = first_sum_row() + r;
        whole_sums[i][r] = merged(whole_sums[i][r], piece_sums[i][r],
                                  {.maximum = 0.0F,
                                   .whole = shared_.merge_whole[row],
                                   .piece = shared_.merge_piece[row]});
      }
    }
  }

  const AttentionArgs& args_;
  PlainShared<kDim>& shared_;
  Sums chunk_;
  Sums span_;
  Sums whole_;
};

}  // namespace chitu::cuda
