// Operations on rows and elements.
#include <cmath>

#include "backend/cpu/context.h"
#include "backend/cpu/kv_layout.h"

namespace chitu::cpu {
namespace {

// Rotates the heads of one token.
void rotate(const Context& context, float* x, int64_t heads, int64_t head_dim, const float* cos,
            const float* sin, int64_t half, bool interleaved) {
  for (float* head = x; head < x + heads * head_dim; head += head_dim) {
    if (!interleaved) {
      context.rows.rotate_halves(head, cos, sin, half);
      continue;
    }
    for (int64_t i = 0; i < half; ++i) {
      const float a = head[2 * i];
      const float b = head[2 * i + 1];
      head[2 * i] = a * cos[i] - b * sin[i];
      head[2 * i + 1] = b * cos[i] + a * sin[i];
    }
  }
}

float dynamic_ntk_base(const DynamicNtk& ntk, int32_t len, float rotary_dim) {
  const float stretch = ntk.factor * static_cast<float>(len) / static_cast<float>(ntk.original_len);
  return ntk.theta * std::pow(stretch - (ntk.factor - 1.0F), rotary_dim / (rotary_dim - 2.0F));
}

}  // namespace

void run(Context& context, const RmsNorm& op) {
  const int64_t dim = op.x.cols();
  for_each_row(context, op.x.rows(), dim, [&](int64_t r) {
    context.rows.rms_norm(op.x.row<const float>(r), op.weight.row<const float>(0), op.eps,
                          op.y.row<float>(r), dim);
  });
}

void run(Context& context, const Add& op) {
  for_each_row(context, op.y.rows(), op.y.cols(), [&](int64_t r) {
    context.rows.add(op.a.row<const float>(r), op.b.row<const float>(r), op.y.row<float>(r),
                     op.y.cols());
  });
}

void run(Context& context, const AllReduceAddNorm& op) {
  const int64_t dim = op.x.cols();
  for_each_row(context, op.x.rows(), dim, [&](int64_t r) {
    auto* residual = op.residual.row<float>(r);
    context.rows.add(residual, op.x.row<const float>(r), residual, dim);
    context.rows.rms_norm(residual, op.weight.row<const float>(0), op.eps, op.y.row<float>(r), dim);
  });
}

void run(Context& context, const GatedActivation& op) {
  // Several elementary functions a value: worth a thread sooner than a copy.
  constexpr int64_t kCost = 8;
  for_each_row(context, op.y.rows(), kCost * op.y.cols(), [&](int64_t r) {
    context.rows.gated(op.activation, op.gate_up.row<const float>(r), op.y.row<float>(r),
                       op.y.cols());
  });
}

void run(Context& context, const RopeAngles& op) {
  constexpr int64_t kCost = 32;
  const auto* positions = op.positions.row<const int32_t>(0);
  const auto* inv_freq = op.inv_freq.row<const float>(0);
  const auto* lens = op.ntk.lens.empty() ? nullptr : op.ntk.lens.row<const int32_t>(0);
  const int64_t half = op.cos.cols();
  const auto rotary_dim = static_cast<float>(2 * half);
  for_each_row(context, op.cos.rows(), kCost * half, [&](int64_t t) {
    const bool stretched = lens != nullptr && lens[t] > op.ntk.original_len;
    const float base = stretched ? dynamic_ntk_base(op.ntk, lens[t], rotary_dim) : 0.0F;
    for (int64_t i = 0; i < half; ++i) {
      const float freq =
          stretched ? 1.0F / std::pow(base, static_cast<float>(2 * i) / rotary_dim) : inv_freq[i];
      const float angle = static_cast<float>(positions[t]) * freq;
      op.cos.row<float>(t)[i] = std::cos(angle) * op.scale;
      op.sin.row<float>(t)[i] = std::sin(angle) * op.scale;
    }
  });
}

void run(Context& context, const Rope& op) {
  for_each_row(context, op.x.rows(), op.x.cols(), [&](int64_t t) {
    rotate(context, op.x.row<float>(t), op.x.cols() / op.head_dim, op.head_dim,
           op.cos.row<const float>(t), op.sin.row<const float>(t), op.cos.cols(), op.interleaved);
  });
}

void run(Context& context, const RopeStoreKv& op) {
  const int64_t d = op.head_dim;
  for_each_row(context, op.qkv.rows(), op.qkv.cols(), [&](int64_t t) {
    auto* q = op.qkv.row<float>(t);
    const auto norm = [&](float* head, const TensorRef& weight) {
      if (!weight.empty())
        context.rows.rms_norm(head, weight.row<const float>(0), op.norm_eps, head, d);
    };
    for (int64_t h = 0; h < op.heads; ++h) norm(q + h * d, op.q_norm);
    for (int64_t h = op.heads; h < op.heads + op.kv_heads; ++h) norm(q + h * d, op.k_norm);
    rotate(context, q, op.heads + op.kv_heads, d, op.cos.row<const float>(t),
           op.sin.row<const float>(t), op.cos.cols(), op.interleaved);
    const float* k = q + op.heads * d;
    store_token(context.rows, k, k + op.kv_heads * d, op.kv, *op.plan, t);
  });
}

void run(Context& context, const GatherRows& op) {
  const auto* rows = op.rows.row<const int32_t>(0);
  for_each_row(context, op.y.rows(), op.y.cols(), [&](int64_t r) {
    std::copy_n(op.x.row<const float>(rows[r]), op.y.cols(), op.y.row<float>(r));
  });
}

void run(Context& context, const Softcap& op) {
  constexpr int64_t kCost = 16;
  for_each_row(context, op.x.rows(), kCost * op.x.cols(), [&](int64_t r) {
    auto* x = op.x.row<float>(r);
    for (int64_t i = 0; i < op.x.cols(); ++i) x[i] = op.cap * std::tanh(x[i] / op.cap);
  });
}

void run(Context& context, const Scale& op) {
  for_each_row(context, op.x.rows(), op.x.cols(),
               [&](int64_t r) { context.rows.scale(op.x.row<float>(r), op.factor, op.x.cols()); });
}

}  // namespace chitu::cpu
