#include "backend/cuda/dispatch.h"
#include "backend/cuda/kernels/rope.cuh"
#include "backend/cuda/kernels/rows.cuh"
#include "backend/cuda/operations.h"

namespace chitu::cuda {
namespace {

// DynamicNtk, as a kernel's argument.
struct Ntk {
  const int32_t* lens = nullptr;  // null: no such scaling
  float theta = 0.0F;
  float factor = 0.0F;
  int64_t original_len = 0;
};

__device__ float ntk_frequency(const Ntk& ntk, int32_t len, int64_t i, float rotary_dim) {
  const float stretch =
      ntk.factor * static_cast<float>(len) / static_cast<float>(ntk.original_len) -
      (ntk.factor - 1.0F);
  const float base = ntk.theta * powf(stretch, rotary_dim / (rotary_dim - 2.0F));
  return 1.0F / powf(base, static_cast<float>(2 * i) / rotary_dim);
}

// A thread an angle.
__global__ void angles_kernel(Grid grid, const int32_t* positions, const float* inv_freq, Ntk ntk,
                              float scale, Rows<float> cos, Rows<float> sin) {
  int64_t token;
  int64_t i;
  if (!place(grid, token, i)) return;
  float frequency = inv_freq[i];
  if (ntk.lens != nullptr && ntk.lens[token] > ntk.original_len) {
    frequency = ntk_frequency(ntk, ntk.lens[token], i, static_cast<float>(2 * grid.packs));
  }
  // Angles reach 131071: the fast functions would be wrong there.
  const float angle = static_cast<float>(positions[token]) * frequency;
  cos.row(token)[i] = cosf(angle) * scale;
  sin.row(token)[i] = sinf(angle) * scale;
}

// A thread a pair.
template <class T, bool kInterleaved>
__global__ void rope_kernel(Grid grid, Rows<T> x, int head_dim, Rows<const float> cos,
                            Rows<const float> sin, int half) {
  int64_t token;
  int64_t at;
  if (!place(grid, token, at)) return;
  const int head = static_cast<int>(at) / half;
  const int i = static_cast<int>(at) - head * half;
  T* values = x.row(token) + static_cast<int64_t>(head) * head_dim;
  const Pair<kInterleaved> pair(i, half);
  float a = to_float(values[pair.first]);
  float b = to_float(values[pair.second]);
  rotate(a, b, cos.row(token)[i], sin.row(token)[i]);
  values[pair.first] = from_float<T>(a);
  values[pair.second] = from_float<T>(b);
}

}  // namespace

void run(Context& context, const RopeAngles& op) {
  if (op.cos.rows() == 0 || op.cos.cols() == 0) return;
  const Grid grid(op.cos.rows(), op.cos.cols());
  const Ntk ntk{.lens = op.ntk.lens.empty() ? nullptr : op.ntk.lens.row<const int32_t>(0),
                .theta = op.ntk.theta,
                .factor = op.ntk.factor,
                .original_len = op.ntk.original_len};
  angles_kernel<<<grid.grid(), Grid::kThreads, 0, context.stream>>>(
      grid, op.positions.row<const int32_t>(0), op.inv_freq.row<const float>(0), ntk, op.scale,
      rows_of<float>(op.cos), rows_of<float>(op.sin));
  context.launched("RopeAngles", {op.cos.rows(), op.cos.cols()});
}

void run(Context& context, const Rope& op) {
  const int64_t half = op.cos.cols();
  if (op.x.rows() == 0 || op.x.cols() == 0 || half == 0) return;
  const Grid grid(op.x.rows(), op.x.cols() / op.head_dim * half);
  dispatch_float(op.x.dtype, [&]<class T>() {
    dispatch_bool(op.interleaved, [&]<bool kInterleaved>() {
      rope_kernel<T, kInterleaved><<<grid.grid(), Grid::kThreads, 0, context.stream>>>(
          grid, rows_of<T>(op.x), static_cast<int>(op.head_dim), rows_of<const float>(op.cos),
          rows_of<const float>(op.sin), static_cast<int>(half));
    });
  });
  context.launched("Rope", {op.x.rows(), op.x.cols()});
}

}  // namespace chitu::cuda
