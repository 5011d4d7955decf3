// The reference against numbers worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "backend/reference/reference_ops.h"
#include "ops/philox.h"

namespace chitu {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

TensorRef ref(std::vector<float>& values, const Shape& shape) {
  EXPECT_EQ(shape.elements(), static_cast<int64_t>(values.size()));
  return TensorRef::contiguous(values.data(), DType::kF32, shape);
}
TensorRef ref(std::vector<float>& values) {
  return ref(values, {static_cast<int64_t>(values.size())});
}
TensorRef ref(std::vector<int32_t>& values) {
  return TensorRef::contiguous(values.data(), DType::kI32, {static_cast<int64_t>(values.size())});
}

void expect_near(const std::vector<float>& found, const std::vector<float>& wanted) {
  EXPECT_THAT(found, Pointwise(FloatNear(1e-6F), wanted));
}

class Reference : public testing::Test {
 protected:
  Weight weight(std::vector<float> values, int64_t cols) {
    const int64_t rows = static_cast<int64_t>(values.size()) / cols;
    const TensorRef parts[] = {ref(values, {rows, cols})};
    return std::move(ops_->prepare({parts})).value();
  }

  std::unique_ptr<Ops> ops_ = make_reference_ops();
};

TEST_F(Reference, Embed) {
  const Weight table = weight({1, 2, 3, 4, 5, 6}, 2);
  std::vector<int32_t> ids = {2, 0, 2};
  std::vector<float> y(6);
  ops_->run(Embed{.ids = ref(ids), .table = &table, .scale = 2, .y = ref(y, {3, 2})});
  EXPECT_THAT(y, ElementsAre(10, 12, 2, 4, 10, 12));
}

TEST_F(Reference, LinearStacksItsParts) {
  std::vector<float> first = {1, 2};           // [1, 2]
  std::vector<uint16_t> second = {0x3f80, 0};  // BF16 1, 0
  const TensorRef parts[] = {ref(first, {1, 2}),
                             TensorRef::contiguous(second.data(), DType::kBF16, {1, 2})};
  const Weight w = std::move(ops_->prepare({parts})).value();
  EXPECT_EQ(w.rows, 2);
  EXPECT_EQ(w.bytes(), 12);
  std::vector<float> x = {1, 10, 2, 20};
  std::vector<float> bias = {100, 0.5};
  std::vector<float> y(4);
  ops_->run(Linear{.x = ref(x, {2, 2}), .weight = &w, .bias = ref(bias), .y = ref(y, {2, 2})});
  EXPECT_THAT(y, ElementsAre(121, 1.5, 142, 2.5));
}

TEST_F(Reference, PrepareRefusesWhatItCannotDecode) {
  std::vector<int32_t> ints = {1, 2};
  const TensorRef parts[] = {ref(ints)};
  const auto refused = ops_->prepare({parts});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
}

TEST_F(Reference, RmsNorm) {
  std::vector<float> x = {3, 4};
  std::vector<float> weight = {1, 2};
  // mean of squares 12.5
  ops_->run(RmsNorm{.x = ref(x, {1, 2}), .weight = ref(weight), .eps = 0, .y = ref(x, {1, 2})});
  expect_near(x, {0.84852814F, 2.2627417F});
}

TEST_F(Reference, AllReduceAddNorm) {
  std::vector<float> x = {1, 1};
  std::vector<float> residual = {2, 3};
  std::vector<float> weight = {1, 1};
  std::vector<float> y(2);
  ops_->run(AllReduceAddNorm{.x = ref(x, {1, 2}),
                             .residual = ref(residual, {1, 2}),
                             .weight = ref(weight),
                             .eps = 0,
                             .y = ref(y, {1, 2})});
  EXPECT_THAT(residual, ElementsAre(3, 4));
  expect_near(y, {0.84852814F, 1.1313708F});
}

TEST_F(Reference, Activations) {
  const std::map<Activation, std::vector<float>> wanted = {
      {Activation::kSilu, {1.4621172F, 1.7615942F}},
      {Activation::kGelu, {1.6826895F, 1.9544997F}},
      {Activation::kGeluTanh, {1.6823840F, 1.9545977F}}};
  for (const auto& [activation, values] : wanted) {
    std::vector<float> gate_up = {1, 2, 2, 1};
    std::vector<float> y(2);
    ops_->run(GatedActivation{
        .gate_up = ref(gate_up, {1, 4}), .activation = activation, .y = ref(y, {1, 2})});
    expect_near(y, values);
  }
}

TEST_F(Reference, Elements) {
  std::vector<float> x = {-100, 1, 2};
  ops_->run(Softcap{.x = ref(x, {1, 3}), .cap = 2});
  expect_near(x, {-2, 0.92423431F, 1.5231884F});
  ops_->run(Scale{.x = ref(x, {1, 3}), .factor = 0.5F});
  expect_near(x, {-1, 0.46211716F, 0.76159418F});
  std::vector<int32_t> rows = {1, 0};
  std::vector<float> table = {1, 2, 3, 4};
  std::vector<float> y(4);
  ops_->run(GatherRows{.x = ref(table, {2, 2}), .rows = ref(rows), .y = ref(y, {2, 2})});
  EXPECT_THAT(y, ElementsAre(3, 4, 1, 2));
}

TEST_F(Reference, RopeRotatesPairs) {
  std::vector<float> cos = {0, 0};  // a quarter turn, and a half turn of the second pair
  std::vector<float> sin = {1, 0};
  cos[1] = -1;
  const auto rotate = [&](bool interleaved) {
    std::vector<float> x = {1, 2, 3, 4, 5};  // the last value is not rotated
    ops_->run(Rope{.x = ref(x, {1, 5}),
                   .head_dim = 5,
                   .cos = ref(cos, {1, 2}),
                   .sin = ref(sin, {1, 2}),
                   .interleaved = interleaved});
    return x;
  };
  EXPECT_THAT(rotate(false), ElementsAre(-3, -2, 1, -4, 5));  // pairs (1, 3) and (2, 4)
  EXPECT_THAT(rotate(true), ElementsAre(-2, 1, -3, -4, 5));   // pairs (1, 2) and (3, 4)
}

TEST_F(Reference, RopeAnglesAndDynamicNtk) {
  std::vector<int32_t> positions = {0, 3, 3};
  std::vector<int32_t> lens = {8, 8, 16};
  std::vector<float> inv_freq = {1, 0.01F};
  std::vector<float> cos(6);
  std::vector<float> sin(6);
  ops_->run(RopeAngles{.positions = ref(positions),
                       .inv_freq = ref(inv_freq),
                       .scale = 2,
                       .ntk = {.lens = ref(lens), .theta = 10000, .factor = 2, .original_len = 8},
                       .cos = ref(cos, {3, 2}),
                       .sin = ref(sin, {3, 2})});
  // The third token is past the original length: base = 10000 * (2 * 16 / 8 - 1)^(4 / 2) = 90000.
  expect_near(cos, {2, 2, 2 * std::cos(3.0F), 2 * std::cos(0.03F), 2 * std::cos(3.0F),
                    2 * std::cos(0.01F)});
  expect_near(sin, {0, 0, 2 * std::sin(3.0F), 2 * std::sin(0.03F), 2 * std::sin(3.0F),
                    2 * std::sin(0.01F)});
}

// One sequence of two tokens in blocks 3 and 1 of one token each.
TEST_F(Reference, StoreKvAndAttention) {
  std::vector<float> k_cache(8);
  std::vector<float> v_cache(8);
  std::vector<int32_t> positions = {0, 1};
  std::vector<int32_t> slots = {3, 1};
  std::vector<int32_t> q_starts = {0, 2};
  std::vector<int32_t> kv_lens = {2};
  std::vector<int32_t> blocks = {3, 1};
  TensorRef table = ref(blocks);
  table.shape = {1, 2};
  const AttentionPlan plan{.positions = ref(positions),
                           .slots = ref(slots),
                           .q_starts = ref(q_starts),
                           .kv_lens = ref(kv_lens),
                           .block_table = table,
                           .block_size = 1,
                           .num_tokens = 2,
                           .num_sequences = 1,
                           .max_q_len = 2,
                           .max_kv_len = 2};
  const KvLayer kv{ref(k_cache, {4, 1, 1, 2}), ref(v_cache, {4, 1, 1, 2})};
  std::vector<float> k = {1, 0, 0, 1};
  std::vector<float> v = {5, 6, 7, 8};
  ops_->run(StoreKv{.k = ref(k, {2, 2}), .v = ref(v, {2, 2}), .kv = kv, .plan = &plan});
  EXPECT_THAT(k_cache, ElementsAre(0, 0, 0, 1, 0, 0, 1, 0));
  EXPECT_THAT(v_cache, ElementsAre(0, 0, 7, 8, 0, 0, 5, 6));

  // The second token's scores are 0 and ln 3: it takes a quarter of the first value.
  std::vector<float> q = {9, 9, 0, std::log(3.0F)};
  std::vector<float> out(4);
  Attention op{.q = ref(q, {2, 2}), .kv = kv, .plan = &plan, .heads = 1, .out = ref(out, {2, 2})};
  ops_->run(op);
  expect_near(out, {5, 6, 6.5, 7.5});
  op.window = 1;  // each token sees itself only
  ops_->run(op);
  expect_near(out, {5, 6, 7, 8});
  op.window = 0;
  op.softcap = 1e-3F;  // every score is nearly 0
  ops_->run(op);
  EXPECT_THAT(out, Pointwise(FloatNear(1e-3F), std::vector<float>{5, 6, 6, 7}));
}

class Sampling : public Reference {
 protected:
  int32_t draw(std::vector<float> logits, const SamplingParams& params) {
    std::vector<int32_t> id(1);
    const auto vocab = static_cast<int64_t>(logits.size());
    ops_->run(Sample{.logits = ref(logits, {1, vocab}), .params = {&params, 1}, .ids = ref(id)});
    return id[0];
  }
  // How often each id comes in 4000 draws.
  std::map<int32_t, double> shares(const std::vector<float>& logits, SamplingParams params) {
    std::map<int32_t, double> share;
    for (params.draw = 0; params.draw < 4000; ++params.draw)
      share[draw(logits, params)] += 1.0 / 4000;
    return share;
  }

  // Probabilities 1/8, 1/2, 1/4, 1/8.
  const std::vector<float> halves_ = {std::log(1.0F), std::log(4.0F), std::log(2.0F),
                                      std::log(1.0F)};
};

TEST_F(Sampling, GreedyTakesTheLowestIdAmongEquals) {
  EXPECT_EQ(draw({1, 3, 3, 2}, {}), 1);
  EXPECT_EQ(draw({NAN, -3, NAN}, {}), 1);
  EXPECT_EQ(draw({NAN, NAN}, {}), 0);
}

TEST_F(Sampling, FollowsTheDistribution) {
  const auto share = shares(halves_, {.temperature = 1});
  EXPECT_NEAR(share.at(1), 0.5, 0.03);
  EXPECT_NEAR(share.at(2), 0.25, 0.03);
  EXPECT_NEAR(share.at(0), 0.125, 0.02);
  EXPECT_NEAR(share.at(3), 0.125, 0.02);
  // Temperature 1/2 squares the probabilities: 16, 4, 1, 1 of 22.
  EXPECT_NEAR(shares(halves_, {.temperature = 0.5F}).at(1), 16.0 / 22, 0.03);
}

TEST_F(Sampling, InvertsTheDistributionInTheOrderOfIds) {
  SamplingParams params{.temperature = 1, .seed = 42};
  for (params.draw = 0; params.draw < 100; ++params.draw) {
    const double u = uniform(params.seed, params.draw);
    const int32_t wanted = u < 0.125 ? 0 : u < 0.625 ? 1 : u < 0.875 ? 2 : 3;
    EXPECT_EQ(draw(halves_, params), wanted);
  }
}

TEST_F(Sampling, Filters) {
  const auto ids = [&](const SamplingParams& params) {
    std::vector<int32_t> kept;
    for (const auto& [id, share] : shares(halves_, params)) kept.push_back(id);
    return kept;
  };
  EXPECT_THAT(ids({.temperature = 1, .top_k = 1}), ElementsAre(1));
  EXPECT_THAT(ids({.temperature = 1, .top_k = 3}), ElementsAre(0, 1, 2));  // 0 before its equal 3
  EXPECT_THAT(ids({.temperature = 1, .top_p = 0.6F}), ElementsAre(1, 2));
  EXPECT_THAT(ids({.temperature = 1, .top_p = 0.4F}), ElementsAre(1));
  EXPECT_THAT(ids({.temperature = 1, .top_p = 0}), ElementsAre(1));
  EXPECT_THAT(ids({.temperature = 1, .min_p = 0.4F}), ElementsAre(1, 2));
  // top_k first: of the two left, the first alone has two thirds.
  EXPECT_THAT(ids({.temperature = 1, .top_k = 2, .top_p = 0.6F}), ElementsAre(1));
}

TEST_F(Sampling, ExtremeLogits) {
  const float inf = INFINITY;
  EXPECT_EQ(draw({-inf, -inf, 0, -inf}, {.temperature = 1}), 2);
  EXPECT_EQ(draw({0, inf, 0}, {.temperature = 1}), 1);
  EXPECT_EQ(draw({1e30F, -1e30F}, {.temperature = 1e-6F}), 0);
}

// One row, its outputs worked out by hand.
class AdjustedSampling : public Reference {
 protected:
  int32_t run(std::vector<float> logits, const SamplingParams& params,
              const std::vector<LogitAdjustment>& adjustments = {}) {
    std::vector<int32_t> id(1);
    std::vector<int32_t> starts = {0, static_cast<int32_t>(adjustments.size())};
    ops_->run(Sample{.logits = ref(logits, {1, static_cast<int64_t>(logits.size())}),
                     .params = {&params, 1},
                     .adjustment_starts = starts,
                     .adjustments = adjustments,
                     .ids = ref(id),
                     .logprob_ids = TensorRef::contiguous(top_ids_.data(), DType::kI32, kTop),
                     .logprobs = TensorRef::contiguous(logprobs_.data(), DType::kF32, kTop)});
    return id[0];
  }
  std::vector<int32_t> top_ids(int n) { return {top_ids_.begin(), top_ids_.begin() + n}; }
  std::vector<float> logprobs(int n) { return {logprobs_.begin(), logprobs_.begin() + n}; }

  const Shape kTop{1, 1 + kMaxTopLogprobs};
  std::vector<int32_t> top_ids_ = std::vector<int32_t>(1 + kMaxTopLogprobs, 77);
  std::vector<float> logprobs_ = std::vector<float>(1 + kMaxTopLogprobs, 77.0F);
};

TEST_F(AdjustedSampling, DividesPositiveLogitsMultipliesOthersThenAdds) {
  // 3 / 2 = 1.5 is below 1.6, 3 / 1.5 = 2 is not.
  EXPECT_EQ(run({3, 1.6F}, {}, {{.token = 0, .repetition = 2}}), 1);
  EXPECT_EQ(run({3, 1.6F}, {}, {{.token = 0, .repetition = 1.5F}}), 0);
  // -1 * 2 = -2 is below -1.5; a bias comes after: -2 + 0.6.
  EXPECT_EQ(run({-1, -1.5F}, {}, {{.token = 0, .repetition = 2}}), 1);
  EXPECT_EQ(run({-1, -1.5F}, {}, {{.token = 0, .repetition = 2, .bias = 0.6F}}), 0);
  EXPECT_EQ(run({-1, -1.5F}, {}, {{.token = 0, .repetition = 2, .bias = 0.4F}}), 1);
  // One after the other: (4 - 5) * 2 = -2.
  EXPECT_EQ(run({4, -1.9F}, {}, {{.token = 0, .bias = -5}, {.token = 0, .repetition = 2}}), 1);
}

TEST_F(AdjustedSampling, BansTokens) {
  const float inf = INFINITY;
  EXPECT_EQ(run({3, 1, 2}, {}, {{.token = 0, .bias = -inf}}), 2);
  EXPECT_EQ(run({inf, 1, 2}, {}, {{.token = 0, .bias = -inf}}), 2);
  EXPECT_EQ(run({NAN, 1, 2}, {.temperature = 1e-3F}, {{.token = 2, .bias = -inf}}), 1);
  // All are banned, so all are equal: u = 0.61 of seed 42 falls to the second of three.
  const std::vector<LogitAdjustment> all = {
      {.token = 0, .bias = -inf}, {.token = 1, .bias = -inf}, {.token = 2, .bias = -inf}};
  EXPECT_EQ(run({3, 9, 2}, {}, all), 0);
  EXPECT_EQ(run({3, 9, 2}, {.temperature = 1, .seed = 42}, all), 1);
}

TEST_F(AdjustedSampling, TellsTheModelsOwnDistribution) {
  const std::vector<float> logits = {std::log(1.0F), std::log(5.0F), std::log(2.0F), NAN};
  const std::vector<LogitAdjustment> ban = {{.token = 1, .bias = -INFINITY}};
  EXPECT_EQ(run(logits, {.temperature = 0.5F, .top_k = 1, .top_logprobs = 2}, ban), 2);
  EXPECT_THAT(top_ids(4), ElementsAre(2, 1, 2, 77));
  expect_near(logprobs(4), {std::log(0.25F), std::log(0.625F), std::log(0.25F), 77});

  EXPECT_EQ(run(logits, {.top_logprobs = 0}), 1);
  EXPECT_THAT(top_ids(2), ElementsAre(1, 1));  // the second is of the run before
  expect_near(logprobs(1), {std::log(0.625F)});

  EXPECT_EQ(run(logits, {.top_logprobs = 6}), 1);
  EXPECT_THAT(top_ids(8), ElementsAre(1, 1, 2, 0, 3, -1, -1, 77));
  EXPECT_EQ(logprobs_[4], -INFINITY);
}

TEST_F(AdjustedSampling, TellsExtremeDistributions) {
  EXPECT_EQ(run({2, INFINITY, 3, INFINITY}, {.top_logprobs = 3}), 1);
  EXPECT_THAT(top_ids(4), ElementsAre(1, 1, 3, 0));
  EXPECT_THAT(logprobs(4), ElementsAre(std::log(0.5F), std::log(0.5F), std::log(0.5F), -INFINITY));
  EXPECT_EQ(run({NAN, -INFINITY}, {.top_logprobs = 1}), 0);
  EXPECT_THAT(logprobs(2), ElementsAre(std::log(0.5F), std::log(0.5F)));
}

}  // namespace
}  // namespace chitu
