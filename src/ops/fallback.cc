#include "ops/fallback.h"

namespace chitu::fallback {

void run(Ops& ops, const AllReduceAddNorm& op) {
  ops.run(Add{.a = op.residual, .b = op.x, .y = op.residual});
  ops.run(RmsNorm{.x = op.residual, .weight = op.weight, .eps = op.eps, .y = op.y});
}

void run(Ops& ops, const RopeStoreKv& op) {
  const int64_t d = op.head_dim;
  const int64_t tokens = op.qkv.rows();
  const TensorRef q = op.qkv.col_slice(0, op.heads * d);
  const TensorRef k = op.qkv.col_slice(op.heads * d, op.kv_heads * d);
  const TensorRef v = op.qkv.col_slice((op.heads + op.kv_heads) * d, op.kv_heads * d);
  const auto norm_heads = [&](const TensorRef& x, const TensorRef& weight) {
    if (weight.empty()) return;
    for (int64_t head = 0; head < x.cols() / d; ++head) {
      const TensorRef y = x.col_slice(head * d, d);
      ops.run(RmsNorm{.x = y, .weight = weight, .eps = op.norm_eps, .y = y});
    }
  };
  norm_heads(q, op.q_norm);
  norm_heads(k, op.k_norm);
  CHECK(op.cos.rows() == tokens);
  ops.run(Rope{.x = q, .head_dim = d, .cos = op.cos, .sin = op.sin, .interleaved = op.interleaved});
  ops.run(Rope{.x = k, .head_dim = d, .cos = op.cos, .sin = op.sin, .interleaved = op.interleaved});
  ops.run(StoreKv{.k = k, .v = v, .kv = op.kv, .plan = op.plan});
}

}  // namespace chitu::fallback
