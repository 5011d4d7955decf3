#include <algorithm>

#include "backend/cuda/dispatch.h"
#include "backend/cuda/kernels/norm.cuh"
#include "backend/cuda/operations.h"
#include "base/round_up.h"

namespace chitu::cuda {
namespace {

struct Norm {
  const TensorRef& x;
  const TensorRef& residual;  // optional
  const TensorRef& weight;
  float eps;
  const TensorRef& y;
};

template <class X, class R, class Y, int kSize>
void launch(Context& context, const Norm& norm) {
  const int64_t dim = norm.x.cols();
  const int64_t threads = std::min<int64_t>(kMaxNormThreads, round_up(div_up(dim, kSize), kWarp));
  norm_kernel<X, R, Y, kSize>
      <<<static_cast<unsigned>(norm.x.rows()), static_cast<unsigned>(threads), 0, context.stream>>>(
          rows_of<const X>(norm.x), rows_of<R>(norm.residual), norm.weight.row<const float>(0),
          norm.eps, rows_of<Y>(norm.y), dim);
}

// Activations in, activations out; a residual is of their type or F32.
void run_norm(Context& context, const Norm& norm, std::string_view name) {
  if (norm.x.rows() == 0 || norm.x.cols() == 0) return;
  CHECK(norm.x.dtype == norm.y.dtype);
  const bool aligned = is_aligned(norm.x) && is_aligned(norm.y) && is_aligned(norm.weight) &&
                       (norm.residual.empty() || is_aligned(norm.residual));
  dispatch_float(norm.x.dtype, [&]<class T>() {
    constexpr int kSize = kPackSize<T>;
    const auto with_residual = [&]<class R>() {
      if (aligned) {
        launch<T, R, T, kSize>(context, norm);
      } else {
        launch<T, R, T, 1>(context, norm);
      }
    };
    if (norm.residual.empty() || norm.residual.dtype == norm.x.dtype) {
      with_residual.template operator()<T>();
    } else {
      CHECK(norm.residual.dtype == DType::kF32);
      with_residual.template operator()<float>();
    }
  });
  context.launched(name, {norm.x.rows(), norm.x.cols()});
}

}  // namespace

void run(Context& context, const RmsNorm& op) {
  run_norm(context,
           {.x = op.x, .residual = TensorRef(), .weight = op.weight, .eps = op.eps, .y = op.y},
           "RmsNorm");
}

// One rank: the sum over the ranks is x itself.
void run(Context& context, const AllReduceAddNorm& op) {
  run_norm(context,
           {.x = op.x, .residual = op.residual, .weight = op.weight, .eps = op.eps, .y = op.y},
           "AllReduceAddNorm");
}

}  // namespace chitu::cuda
