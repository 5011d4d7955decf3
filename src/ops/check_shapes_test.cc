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

TEST(CheckShapes, Sample) {
  std::vector<SamplingParams> params(2);
  Sample op{.logits = view({2, 9}), .params = params, .ids = ints(2)};
  EXPECT_EQ(error(op), "");

  std::vector<int32_t> starts = {0, 1, 2};
  std::vector<LogitAdjustment> adjustments = {{.token = 8}, {.token = 0}};
  op.adjustments = adjustments;
  EXPECT_EQ(error(op), "Sample: adjustments: found 2, wanted none without adjustment_starts");
  op.adjustment_starts = starts;
  EXPECT_EQ(error(op), "");
  adjustments[0].token = 9;
  EXPECT_EQ(error(op), "Sample: adjustments' token: found 9, wanted an id below 9");
  adjustments[0].token = -1;
  EXPECT_EQ(error(op), "Sample: adjustments' token: found -1, wanted an id below 9");
  adjustments[0].token = 8;
  starts = {0, 3, 2};
  EXPECT_EQ(error(op), "Sample: adjustment_starts: found 3, wanted ascending numbers");
  starts = {0, 1, 1};
  EXPECT_EQ(error(op),
            "Sample: adjustment_starts: found 1, wanted the number of adjustments, 2, last");
  op.adjustment_starts = op.adjustment_starts.first(2);
  EXPECT_EQ(error(op), "Sample: adjustment_starts: found 2, wanted 3 numbers");
  op.adjustment_starts = {};
  op.adjustments = {};

  params[1].top_logprobs = 3;
  EXPECT_EQ(error(op), "Sample: logprob_ids: found [], wanted [2, 21]");
  op.logprob_ids = view({2, 21}, DType::kI32);
  EXPECT_EQ(error(op), "Sample: logprobs: found [], wanted [2, 21]");
  op.logprobs = view({2, 21});
  EXPECT_EQ(error(op), "");
  params[1].top_logprobs = 21;
  EXPECT_EQ(error(op), "Sample: top_logprobs: found 21, wanted at most 20");
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
