// Keys and values to their places in the cache, alone and behind the norms and the rotation of
// their heads.
//
// A cache is [blocks, kv_heads, block_size, head_dim], plain rows of values.
#include "backend/cuda/dispatch.h"
#include "backend/cuda/kernels/rope.cuh"
#include "backend/cuda/kernels/rows.cuh"
#include "backend/cuda/operations.h"

namespace chitu::cuda {
namespace {

template <class C>
struct Cache {
  C* k = nullptr;
  C* v = nullptr;
  const int32_t* slots = nullptr;  // [tokens]
  int kv_heads = 0;
  int block_size = 0;
  int head_dim = 0;

  // Where the row of a token's head begins.
  __device__ __forceinline__ int64_t place(int64_t token, int head) const {
    const int slot = slots[token];
    const int block = slot / block_size;
    const int offset = slot - block * block_size;
    return ((static_cast<int64_t>(block) * kv_heads + head) * block_size + offset) * head_dim;
  }
};

template <class C>
Cache<C> cache_of(const KvLayer& kv, const AttentionPlan& plan) {
  return {.k = static_cast<C*>(kv.k.data),
          .v = static_cast<C*>(kv.v.data),
          .slots = plan.slots.row<const int32_t>(0),
          .kv_heads = static_cast<int>(kv.k.shape[1]),
          .block_size = static_cast<int>(plan.block_size),
          .head_dim = static_cast<int>(kv.k.shape[3])};
}

// A thread kSize values of a key and of the value beside it.
template <class T, class C, int kSize>
__global__ void store_kernel(Grid grid, Rows<const T> k, Rows<const T> v, Cache<C> cache) {
  int64_t token;
  int64_t pack;
  if (!place(grid, token, pack)) return;
  const int at = static_cast<int>(pack) * kSize;
  const int head = at / cache.head_dim;
  const int64_t to = cache.place(token, head) + (at - head * cache.head_dim);
  float values[kSize];
  load<kSize>(k.row(token) + at, values);
  store<kSize>(cache.k + to, values);
  load<kSize>(v.row(token) + at, values);
  store<kSize>(cache.v + to, values);
}

// RopeStoreKv, as a kernel's argument.
template <class T, class C>
struct Heads {
  Rows<T> qkv;
  int64_t tokens = 0;
  int heads = 0;
  const float* q_norm = nullptr;  // null: none
  const float* k_norm = nullptr;
  float eps = 0.0F;
  Rows<const float> cos;
  Rows<const float> sin;
  int half = 0;
  Cache<C> cache;
};

// 1 / sqrt(mean(x^2) + eps) of a head.
template <class T>
__device__ __forceinline__ float norm_scale(const T* x, int dim, int lane, float eps) {
  float squares = 0.0F;
  for (int i = lane; i < dim; i += kWarp) {
    const float value = to_float(x[i]);
    squares += value * value;
  }
  return 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(dim) + eps);
}

// Norms and rotates a head. `to` may be x: a lane writes what it alone has read since the barrier
// in warp_sum(), or without a norm what it alone reads.
template <class T, class To, bool kInterleaved>
__device__ __forceinline__ void norm_rotate(const T* x, int dim, const float* weight, float eps,
                                            const float* cos, const float* sin, int half, int lane,
                                            To* to) {
  const float scale = weight != nullptr ? norm_scale(x, dim, lane, eps) : 1.0F;
  const auto value = [&](int i) {
    return weight != nullptr ? to_float(x[i]) * scale * weight[i] : to_float(x[i]);
  };
  for (int i = lane; i < half; i += kWarp) {
    const Pair<kInterleaved> pair(i, half);
    float a = value(pair.first);
    float b = value(pair.second);
    rotate(a, b, cos[i], sin[i]);
    to[pair.first] = from_float<To>(a);
    to[pair.second] = from_float<To>(b);
  }
  for (int i = 2 * half + lane; i < dim; i += kWarp) to[i] = from_float<To>(value(i));
}

inline constexpr int kHeadThreads = 128;

// A warp a head of a token: queries in place, keys and values into the cache.
template <class T, class C, bool kInterleaved>
__global__ void __launch_bounds__(kHeadThreads) heads_kernel(Heads<T, C> args) {
  const Cache<C>& cache = args.cache;
  const int dim = cache.head_dim;
  const int all = args.heads + 2 * cache.kv_heads;
  const int64_t warp =
      static_cast<int64_t>(blockIdx.x) * (kHeadThreads / kWarp) + threadIdx.x / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t token = warp / all;
  if (token >= args.tokens) return;
  const int head = static_cast<int>(warp - token * all);
  T* x = args.qkv.row(token) + static_cast<int64_t>(head) * dim;
  const float* cos = args.cos.row(token);
  const float* sin = args.sin.row(token);
  if (head < args.heads) {
    norm_rotate<T, T, kInterleaved>(x, dim, args.q_norm, args.eps, cos, sin, args.half, lane, x);
  } else if (const int k_head = head - args.heads; k_head < cache.kv_heads) {
    norm_rotate<T, C, kInterleaved>(x, dim, args.k_norm, args.eps, cos, sin, args.half, lane,
                                    cache.k + cache.place(token, k_head));
  } else {
    C* to = cache.v + cache.place(token, k_head - cache.kv_heads);
    for (int i = lane; i < dim; i += kWarp) to[i] = from_float<C>(to_float(x[i]));
  }
}

template <class T, class C>
void launch(Context& context, const RopeStoreKv& op) {
  const int64_t warps = op.qkv.rows() * (op.heads + 2 * op.kv_heads);
  const int64_t blocks = div_up(warps, kHeadThreads / kWarp);
  const auto norm = [](const TensorRef& weight) {
    return weight.empty() ? nullptr : weight.row<const float>(0);
  };
  const Heads<T, C> args{.qkv = rows_of<T>(op.qkv),
                         .tokens = op.qkv.rows(),
                         .heads = static_cast<int>(op.heads),
                         .q_norm = norm(op.q_norm),
                         .k_norm = norm(op.k_norm),
                         .eps = op.norm_eps,
                         .cos = rows_of<const float>(op.cos),
                         .sin = rows_of<const float>(op.sin),
                         .half = static_cast<int>(op.cos.cols()),
                         .cache = cache_of<C>(op.kv, *op.plan)};
  dispatch_bool(op.interleaved, [&]<bool kInterleaved>() {
    heads_kernel<T, C, kInterleaved>
        <<<static_cast<unsigned>(blocks), kHeadThreads, 0, context.stream>>>(args);
  });
}

}  // namespace

void run(Context& context, const StoreKv& op) {
  if (op.k.rows() == 0 || op.k.cols() == 0) return;
  CHECK(op.k.dtype == op.v.dtype);
  dispatch_float(op.k.dtype, [&]<class T>() {
    dispatch_float(op.kv.k.dtype, [&]<class C>() {
      const auto launch_size = [&]<int kSize>() {
        const Grid grid(op.k.rows(), op.k.cols() / kSize);
        store_kernel<T, C, kSize><<<grid.grid(), Grid::kThreads, 0, context.stream>>>(
            grid, rows_of<const T>(op.k), rows_of<const T>(op.v), cache_of<C>(op.kv, *op.plan));
      };
      constexpr int kSize = kPackSize<C> < kPackSize<T> ? kPackSize<C> : kPackSize<T>;
      // A pack lies within one head.
      if (is_aligned(op.k) && is_aligned(op.v) && is_aligned(op.kv.k) && is_aligned(op.kv.v) &&
          op.kv.k.cols() % kSize == 0) {
        launch_size.template operator()<kSize>();
      } else {
        launch_size.template operator()<1>();
      }
    });
  });
  context.launched("StoreKv", {op.k.rows(), op.k.cols()});
}

void run(Context& context, const RopeStoreKv& op) {
  if (op.qkv.rows() == 0 || op.qkv.cols() == 0) return;
  dispatch_float(op.qkv.dtype, [&]<class T>() {
    dispatch_float(op.kv.k.dtype, [&]<class C>() { launch<T, C>(context, op); });
  });
  context.launched("RopeStoreKv", {op.qkv.rows(), op.qkv.cols()});
}

}  // namespace chitu::cuda
