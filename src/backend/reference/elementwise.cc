#include <cmath>

#include "backend/reference/kernels.h"

namespace chitu::reference {
namespace {

// Calls f(row, column) for every element of x.
template <class F>
void for_each(const TensorRef& x, F&& f) {
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (int64_t i = 0; i < x.cols(); ++i) f(r, i);
  }
}

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
    case Activation::kGelu:
      return 0.5 * x * (1.0 + std::erf(x * M_SQRT1_2));
    case Activation::kGeluTanh:
      return 0.5 * x * (1.0 + std::tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
  }
  return 0.0;
}

// The base of a token's frequencies under dynamic NTK scaling, in float as descs.h says.
float dynamic_ntk_base(const DynamicNtk& ntk, int32_t len, float rotary_dim) {
  const float stretch =
      ntk.factor * static_cast<float>(len) / static_cast<float>(ntk.original_len) -
      (ntk.factor - 1.0F);
  return ntk.theta * std::pow(stretch, rotary_dim / (rotary_dim - 2.0F));
}

}  // namespace

void run(const RmsNorm& op) {
  const auto* weight = op.weight.row<const float>(0);
  for (int64_t r = 0; r < op.x.rows(); ++r) {
    const auto* x = op.x.row<const float>(r);
    double squares = 0.0;
    for (int64_t i = 0; i < op.x.cols(); ++i) squares += static_cast<double>(x[i]) * x[i];
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(op.x.cols()) + op.eps);
    auto* y = op.y.row<float>(r);
    for (int64_t i = 0; i < op.x.cols(); ++i) y[i] = static_cast<float>(x[i] * scale * weight[i]);
  }
}

void run(const Add& op) {
  for_each(op.y, [&](int64_t r, int64_t i) {
    op.y.row<float>(r)[i] = op.a.row<float>(r)[i] + op.b.row<float>(r)[i];
  });
}

void run(const GatedActivation& op) {
  for_each(op.y, [&](int64_t r, int64_t i) {
    const auto* gate = op.gate_up.row<const float>(r);
    const auto* up = gate + op.y.cols();
    op.y.row<float>(r)[i] = static_cast<float>(activate(op.activation, gate[i]) * up[i]);
  });
}

void run(const RopeAngles& op) {
  const auto* positions = op.positions.row<const int32_t>(0);
  const auto* inv_freq = op.inv_freq.row<const float>(0);
  const auto* lens = op.ntk.lens.empty() ? nullptr : op.ntk.lens.row<const int32_t>(0);
  const auto rotary_dim = static_cast<float>(2 * op.cos.cols());
  for_each(op.cos, [&](int64_t t, int64_t i) {
    float freq = inv_freq[i];
    if (lens != nullptr && lens[t] > op.ntk.original_len) {
      const float base = dynamic_ntk_base(op.ntk, lens[t], rotary_dim);
      freq = 1.0F / std::pow(base, static_cast<float>(2 * i) / rotary_dim);
    }
    const float angle = static_cast<float>(positions[t]) * freq;
    op.cos.row<float>(t)[i] = std::cos(angle) * op.scale;
    op.sin.row<float>(t)[i] = std::sin(angle) * op.scale;
  });
}

void run(const Rope& op) {
  const int64_t half = op.cos.cols();
  for (int64_t t = 0; t < op.x.rows(); ++t) {
    const auto* cos = op.cos.row<const float>(t);
    const auto* sin = op.sin.row<const float>(t);
    for (int64_t head = 0; head < op.x.cols() / op.head_dim; ++head) {
      auto* x = op.x.row<float>(t) + head * op.head_dim;
      for (int64_t i = 0; i < half; ++i) {
        float& first = op.interleaved ? x[2 * i] : x[i];
        float& second = op.interleaved ? x[2 * i + 1] : x[i + half];
        const double a = first;
        const double b = second;
        first = static_cast<float>(a * cos[i] - b * sin[i]);
        second = static_cast<float>(b * cos[i] + a * sin[i]);
      }
    }
  }
}

void run(const GatherRows& op) {
  const auto* rows = op.rows.row<const int32_t>(0);
  for_each(op.y,
           [&](int64_t r, int64_t i) { op.y.row<float>(r)[i] = op.x.row<float>(rows[r])[i]; });
}

void run(const Softcap& op) {
  for_each(op.x, [&](int64_t r, int64_t i) {
    float& x = op.x.row<float>(r)[i];
    x = static_cast<float>(op.cap * std::tanh(static_cast<double>(x) / op.cap));
  });
}

void run(const Scale& op) {
  for_each(op.x, [&](int64_t r, int64_t i) { op.x.row<float>(r)[i] *= op.factor; });
}

}  // namespace chitu::reference
