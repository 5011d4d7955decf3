#include "ops/check_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace chitu {
namespace {

using testing::HasSubstr;

// Views of the given shape over memory that check_shapes never reads.
TensorRef view(const Shape& shape, DType dtype = DType::kF32) {
  static char anywhere;
  return TensorRef::contiguous(&anywhere, dtype, shape);
}
TensorRef ints(int64_t n) { return view({n}, DType::kI32); }

Weight weight(int64_t rows, int64_t cols) {
  Weight w{.rows = rows, .cols = cols, .segments = {}};
  w.segments.push_back({.format = DType::kF32, .rows = rows, .layout = 0, .buffers = {}});
  return w;
}

AttentionPlan plan(int64_t tokens, int64_t sequences) {
  return {.positions = ints(tokens),
          .slots = ints(tokens),
          .q_starts = ints(sequences + 1),
          .kv_lens = ints(sequences),
          .block_table = view({sequences, 4}, DType::kI32),
          .block_size = 16,
          .num_tokens = tokens,
          .num_sequences = sequences,
          .max_q_len = tokens,
          .max_kv_len = 64};
}

std::string error(const Op& op) {
  const Status status = check_shapes(op);
  return status.ok() ? "" : status.error().message;
}

TEST(CheckShapes, NamesFollowTheVariant) {
  EXPECT_EQ(op_name(Embed{}), "Embed");
  EXPECT_EQ(op_name(Attention{}), "Attention");
  EXPECT_EQ(op_name(RopeStoreKv{}), "RopeStoreKv");
}

TEST(CheckShapes, Linear) {
  const Weight w = weight(5, 3);
  Linear op{.x = view({7, 3}), .weight = &w, .bias = view({5}), .y = view({7, 5})};
  EXPECT_EQ(error(op), "");
  op.y = view({7, 4});
  EXPECT_EQ(error(op), "Linear: y: found [7, 4], wanted [7, 5]");
  op.y = view({7, 5});
  op.bias = view({4});
  EXPECT_EQ(error(op), "Linear: bias: found [4], wanted [5]");
  op.bias = {};
  op.x = view({7, 2});
  EXPECT_EQ(error(op), "Linear: weight: found [5, 3], wanted columns 2");
  op.weight = nullptr;
  EXPECT_EQ(error(op), "Linear: weight: found nothing, wanted a weight");
}

TEST(CheckShapes, ViewsOfColumnsAreMatrices) {
  const TensorRef wide = view({7, 12});
  EXPECT_EQ(error(RmsNorm{.x = wide.col_slice(4, 3), .weight = view({3}), .y = view({7, 3})}), "");
  TensorRef overlapping = view({7, 3});
  overlapping.row_stride = 2;
  EXPECT_THAT(error(RmsNorm{.x = overlapping, .weight = view({3}), .y = view({7, 3})}),
              HasSubstr("row stride 2"));
}

TEST(CheckShapes, DTypes) {
  EXPECT_EQ(error(Scale{.x = view({2, 2}, DType::kBF16)}), "");
  EXPECT_EQ(error(Scale{.x = view({2, 2}, DType::kI32)}),
            "Scale: x: found I32, wanted F32, F16 or BF16");
  const std::vector<SamplingParams> params(2);
  Sample sample{.logits = view({2, 9}), .params = params, .ids = ints(2)};
  EXPECT_EQ(error(sample), "");
  sample.ids = view({2});
  EXPECT_EQ(error(sample), "Sample: ids: found F32, wanted I32");
}

TEST(CheckShapes, Attention) {
  const AttentionPlan p = plan(6, 2);
  const KvLayer kv{view({8, 2, 16, 4}, DType::kF16), view({8, 2, 16, 4}, DType::kF16)};
  Attention op{.q = view({6, 24}), .kv = kv, .plan = &p, .heads = 6, .out = view({6, 24})};
  EXPECT_EQ(error(op), "");
  op.heads = 5;
  EXPECT_EQ(error(op), "Attention: heads: found 5, wanted a multiple of kv_heads 2");
  op.heads = 4;
  EXPECT_EQ(error(op), "Attention: q: found [6, 24], wanted [6, 16]");
  op.heads = 6;
  op.kv.v = view({8, 2, 8, 4}, DType::kF16);
  EXPECT_EQ(error(op), "Attention: kv.v: found [8, 2, 8, 4], wanted [8, 2, 16, 4]");
  op.plan = nullptr;
  EXPECT_EQ(error(op), "Attention: plan: found nothing, wanted an AttentionPlan");
  AttentionPlan longer = p;
  longer.max_kv_len = 65;
  op.kv = kv;
  op.plan = &longer;
  EXPECT_THAT(error(op), HasSubstr("plan.max_kv_len: found 65"));
}

TEST(CheckShapes, RopeStoreKv) {
  const AttentionPlan p = plan(3, 1);
  const KvLayer kv{view({8, 2, 16, 8}), view({8, 2, 16, 8})};
  RopeStoreKv op{.qkv = view({3, 64}),
                 .heads = 4,
                 .kv_heads = 2,
                 .head_dim = 8,
                 .cos = view({3, 4}),
                 .sin = view({3, 4}),
                 .kv = kv,
                 .plan = &p};
  EXPECT_EQ(error(op), "");
  op.q_norm = view({4});
  EXPECT_EQ(error(op), "RopeStoreKv: q_norm: found [4], wanted [8]");
  op.q_norm = {};
  op.cos = view({3, 5});
  op.sin = view({3, 5});
  EXPECT_EQ(error(op), "RopeStoreKv: rotary_dim: found 10, wanted at most head_dim 8");
}

}  // namespace
}  // namespace chitu
