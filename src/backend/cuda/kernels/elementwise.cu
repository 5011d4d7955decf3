// Operations of one element, or of one row's elements, each on its own.
#include "backend/cuda/dispatch.h"
#include "backend/cuda/kernels/rows.cuh"
#include "backend/cuda/operations.h"

namespace chitu::cuda {
namespace {

// Calls launch<kSize>() with the elements of an access: 16 bytes where every operand allows it.
template <class T, class F>
void dispatch_size(bool aligned, F&& launch) {
  if (aligned) {
    launch.template operator()<kPackSize<T>>();
  } else {
    launch.template operator()<1>();
  }
}

template <class T, int kSize>
__global__ void add_kernel(Grid grid, Rows<const T> a, Rows<const T> b, Rows<T> y) {
  int64_t row;
  int64_t pack;
  if (!place(grid, row, pack)) return;
  float left[kSize];
  float right[kSize];
  load<kSize>(a.row(row) + pack * kSize, left);
  load<kSize>(b.row(row) + pack * kSize, right);
#pragma unroll
  for (int i = 0; i < kSize; ++i) left[i] += right[i];
  store<kSize>(y.row(row) + pack * kSize, left);
}

// 1 / (1 + exp(-x)) overflows to infinity below, where x times its inverse is zero as it should be.
template <Activation kActivation>
__device__ __forceinline__ float activate(float x) {
  if constexpr (kActivation == Activation::kSilu) return x / (1.0F + expf(-x));
  // Not 1 + erf(x), which loses all digits of a small result.
  if constexpr (kActivation == Activation::kGelu) return 0.5F * x * erfcf(-x * 0.70710678F);
  // 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u))
  constexpr float kTwiceSqrt2OverPi = 1.5957691216F;
  const float twice_u = kTwiceSqrt2OverPi * (x + 0.044715F * x * x * x);
  return x / (1.0F + expf(-twice_u));
}

template <class T, Activation kActivation, int kSize>
__global__ void gated_kernel(Grid grid, Rows<const T> gate_up, int64_t dim, Rows<T> y) {
  int64_t row;
  int64_t pack;
  if (!place(grid, row, pack)) return;
  const T* gates = gate_up.row(row) + pack * kSize;
  float gate[kSize];
  float up[kSize];
  load<kSize>(gates, gate);
  load<kSize>(gates + dim, up);
#pragma unroll
  for (int i = 0; i < kSize; ++i) gate[i] = activate<kActivation>(gate[i]) * up[i];
  store<kSize>(y.row(row) + pack * kSize, gate);
}

template <class T, int kSize>
__global__ void gather_kernel(Grid grid, Rows<const T> x, const int32_t* rows, Rows<T> y) {
  int64_t row;
  int64_t pack;
  if (!place(grid, row, pack)) return;
  using P = Pack<T, kSize>;
  *reinterpret_cast<P*>(y.row(row) + pack * kSize) =
      *reinterpret_cast<const P*>(x.row(rows[row]) + pack * kSize);
}

template <class T, int kSize>
__global__ void softcap_kernel(Grid grid, Rows<T> x, float cap) {
  int64_t row;
  int64_t pack;
  if (!place(grid, row, pack)) return;
  float values[kSize];
  load<kSize>(x.row(row) + pack * kSize, values);
#pragma unroll
  for (int i = 0; i < kSize; ++i) values[i] = cap * tanhf(values[i] / cap);
  store<kSize>(x.row(row) + pack * kSize, values);
}

template <class T, int kSize>
__global__ void scale_kernel(Grid grid, Rows<T> x, float factor) {
  int64_t row;
  int64_t pack;
  if (!place(grid, row, pack)) return;
  float values[kSize];
  load<kSize>(x.row(row) + pack * kSize, values);
#pragma unroll
  for (int i = 0; i < kSize; ++i) values[i] *= factor;
  store<kSize>(x.row(row) + pack * kSize, values);
}

template <class T, int kSize>
void launch_gated(Context& context, const GatedActivation& op) {
  const Grid grid(op.y.rows(), op.y.cols() / kSize);
  const auto with = [&]<Activation kActivation>() {
    gated_kernel<T, kActivation, kSize><<<grid.grid(), Grid::kThreads, 0, context.stream>>>(
        grid, rows_of<const T>(op.gate_up), op.y.cols(), rows_of<T>(op.y));
  };
  switch (op.activation) {
    case Activation::kSilu:
      return with.template operator()<Activation::kSilu>();
    case Activation::kGelu:
      return with.template operator()<Activation::kGelu>();
    case Activation::kGeluTanh:
      return with.template operator()<Activation::kGeluTanh>();
  }
}

bool is_empty(const TensorRef& x) { return x.rows() == 0 || x.cols() == 0; }

}  // namespace

void run(Context& context, const Add& op) {
  if (is_empty(op.y)) return;
  CHECK(op.a.dtype == op.y.dtype && op.b.dtype == op.y.dtype);
  dispatch_float(op.y.dtype, [&]<class T>() {
    const bool aligned = is_aligned(op.a) && is_aligned(op.b) && is_aligned(op.y);
    dispatch_size<T>(aligned, [&]<int kSize>() {
      const Grid grid(op.y.rows(), op.y.cols() / kSize);
      add_kernel<T, kSize><<<grid.grid(), Grid::kThreads, 0, context.stream>>>(
          grid, rows_of<const T>(op.a), rows_of<const T>(op.b), rows_of<T>(op.y));
    });
  });
  context.launched("Add", {op.y.rows(), op.y.cols()});
}

void run(Context& context, const GatedActivation& op) {
  if (is_empty(op.y)) return;
  CHECK(op.gate_up.dtype == op.y.dtype);
  dispatch_float(op.y.dtype, [&]<class T>() {
    // y's columns tell that the second half of gate_up begins at a multiple too.
    dispatch_size<T>(is_aligned(op.gate_up) && is_aligned(op.y),
                     [&]<int kSize>() { launch_gated<T, kSize>(context, op); });
  });
  context.launched("GatedActivation", {op.y.rows(), op.y.cols()});
}

void run(Context& context, const GatherRows& op) {
  if (is_empty(op.y)) return;
  CHECK(op.x.dtype == op.y.dtype);
  dispatch_float(op.y.dtype, [&]<class T>() {
    dispatch_size<T>(is_aligned(op.x) && is_aligned(op.y), [&]<int kSize>() {
      const Grid grid(op.y.rows(), op.y.cols() / kSize);
      gather_kernel<T, kSize><<<grid.grid(), Grid::kThreads, 0, context.stream>>>(
          grid, rows_of<const T>(op.x), op.rows.row<const int32_t>(0), rows_of<T>(op.y));
    });
  });
  context.launched("GatherRows", {op.y.rows(), op.y.cols()});
}

void run(Context& context, const Softcap& op) {
  if (is_empty(op.x)) return;
  dispatch_float(op.x.dtype, [&]<class T>() {
    dispatch_size<T>(is_aligned(op.x), [&]<int kSize>() {
      const Grid grid(op.x.rows(), op.x.cols() / kSize);
      softcap_kernel<T, kSize>
          <<<grid.grid(), Grid::kThreads, 0, context.stream>>>(grid, rows_of<T>(op.x), op.cap);
    });
  });
  context.launched("Softcap", {op.x.rows(), op.x.cols()});
}

void run(Context& context, const Scale& op) {
  if (is_empty(op.x)) return;
  dispatch_float(op.x.dtype, [&]<class T>() {
    dispatch_size<T>(is_aligned(op.x), [&]<int kSize>() {
      const Grid grid(op.x.rows(), op.x.cols() / kSize);
      scale_kernel<T, kSize>
          <<<grid.grid(), Grid::kThreads, 0, context.stream>>>(grid, rows_of<T>(op.x), op.factor);
    });
  });
  context.launched("Scale", {op.x.rows(), op.x.cols()});
}

}  // namespace chitu::cuda
