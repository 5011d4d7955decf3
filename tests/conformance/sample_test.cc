#include <algorithm>
#include <cmath>
#include <limits>

#include "harness.h"

namespace chitu::conformance {
namespace {

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

class Sampling : public Conformance {
 protected:
  void check(const Floats& logits, int64_t vocab, const std::vector<SamplingParams>& params) {
    const auto rows = static_cast<int64_t>(params.size());
    expect_same_ints([&](Side& side) {
      const TensorRef ids = side.int_output(rows);
      side.run(Sample{.logits = side.f32(logits, {rows, vocab}), .params = params, .ids = ids});
      return side.read_ints(ids);
    });
  }
};

TEST_P(Sampling, Greedy) {
  for (const int64_t vocab : {1, 2, 15, 16, 17, 1000, 49152}) {
    Floats logits = normal(3 * vocab);
    for (float& x : logits) x = std::round(x);  // many equals: the lowest id wins
    check(logits, vocab, std::vector<SamplingParams>(3));
  }
}

TEST_P(Sampling, EveryCombinationOfFilters) {
  constexpr int64_t kVocab = 1001;
  std::vector<SamplingParams> params;
  for (const float temperature : {0.0F, 0.3F, 1.0F, 2.5F}) {
    for (const int32_t top_k : {0, 1, 40, 5000}) {
      for (const float top_p : {1.0F, 0.9F, 0.1F, 0.0F}) {
        for (const float min_p : {0.0F, 0.05F, 1.0F}) {
          params.push_back({.temperature = temperature,
                            .top_k = top_k,
                            .top_p = top_p,
                            .min_p = min_p,
                            .seed = 7,
                            .draw = params.size()});
        }
      }
    }
  }
  check(normal(static_cast<int64_t>(params.size()) * kVocab, 3.0F), kVocab, params);
}

TEST_P(Sampling, LargeVocabularies) {
  for (const int64_t vocab : {49152, 151936}) {
    std::vector<SamplingParams> params = {{.temperature = 0.8F, .top_k = 50, .top_p = 0.95F},
                                          {.temperature = 1.0F},
                                          {.temperature = 1.0F, .top_p = 0.9F},
                                          {.temperature = 0.3F, .top_p = 0.99F},
                                          {.temperature = 1.5F, .top_k = 20000},
                                          {.temperature = 1.0F, .min_p = 0.01F}};
    for (std::size_t i = 0; i < params.size(); ++i) params[i].draw = i;
    check(normal(static_cast<int64_t>(params.size()) * vocab, 2.0F), vocab, params);
  }
}

// Filters whose limit falls among equals keep the lowest ids of them.
TEST_P(Sampling, EqualsAtTheLimit) {
  constexpr int64_t kVocab = 5000;
  std::vector<SamplingParams> params;
  for (uint64_t draw = 0; draw < 20; ++draw) {
    params.push_back({.temperature = 1.0F, .top_k = 100, .seed = 3, .draw = draw});
    params.push_back({.temperature = 1.0F, .top_p = 0.37F, .seed = 3, .draw = draw});
  }
  Floats logits = normal(static_cast<int64_t>(params.size()) * kVocab);
  for (float& x : logits) x = std::round(x) / 2;
  check(logits, kVocab, params);
}

TEST_P(Sampling, ExtremeLogits) {
  for (const float temperature : {0.0F, 1e-44F, 1e-6F, 1.0F}) {
    for (const Floats& logits :
         {Floats{-kInf, 3, -kInf, 2}, Floats{1, kInf, kInf, 0}, Floats{-kInf, -kInf, -kInf, -kInf},
          Floats{kNan, 1, kNan, 2}, Floats{kNan, kNan, kNan, kNan}, Floats{1e30F, -1e30F, 0, 1e30F},
          Floats{kNan, -kInf, kNan, -kInf}, Floats{-kInf, kNan, kInf, kNan}}) {
      for (const int32_t top_k : {0, 1, 2, 3}) {
        for (uint64_t draw = 0; draw < 5; ++draw) {
          check(logits, 4, {{.temperature = temperature, .top_k = top_k, .seed = 1, .draw = draw}});
        }
      }
    }
  }
}

// Adjustments of every kind, and log-probabilities, of rows that want them and rows that do not.
class AdjustedSampling : public Conformance {
 protected:
  struct Rows {
    int64_t vocab = 0;
    std::vector<SamplingParams> params{};
    Floats logits{};
    std::vector<int32_t> starts{};  // empty: no adjustments
    std::vector<LogitAdjustment> adjustments{};

    void end_row() { starts.push_back(static_cast<int32_t>(adjustments.size())); }
  };
  struct Outputs {
    Ints ids;
    Ints top_ids;
    Floats logprobs;
  };

  static Outputs outputs(Side& side, const Rows& rows) {
    const auto n = static_cast<int64_t>(rows.params.size());
    const Shape top{n, 1 + kMaxTopLogprobs};
    const Sample op{
        .logits = side.f32(rows.logits, {n, rows.vocab}, 3),
        .params = rows.params,
        .adjustment_starts = rows.starts,
        .adjustments = rows.adjustments,
        .ids = side.int_output(n),
        .logprob_ids = side.ints(Ints(static_cast<std::size_t>(top.elements()), 77), top),
        .logprobs = side.f32_output(top)};
    side.run(op);
    side.expect_padding_untouched(op.logits);
    return {side.read_ints(op.ids), side.read_ints(op.logprob_ids), side.read(op.logprobs)};
  }

  void check(const Rows& rows) {
    Side reference(*reference_, device_->activation_dtype());
    Side device(*device_, device_->activation_dtype());
    const Outputs wanted = outputs(reference, rows);
    const Outputs found = outputs(device, rows);
    EXPECT_EQ(found.ids, wanted.ids);
    EXPECT_EQ(found.top_ids, wanted.top_ids);
    ASSERT_EQ(found.logprobs.size(), wanted.logprobs.size());
    for (std::size_t i = 0; i < wanted.logprobs.size(); ++i) {
      if (found.logprobs[i] == wanted.logprobs[i]) continue;  // infinite, or not written
      // A few roundings of a number, and the error of a sum of exponentials.
      EXPECT_NEAR(found.logprobs[i], wanted.logprobs[i],
                  3e-6 + 3e-7 * std::fabs(wanted.logprobs[i]))
          << "at " << i;
    }
  }

  // About a third of the rows greedy, a third with filters; each with its own random number.
  SamplingParams random_params(uint64_t draw) {
    const auto kind = between(0, 2);
    SamplingParams params{.temperature = kind == 0 ? 0.0F : 1.0F, .seed = 11, .draw = draw};
    if (kind == 2) {
      params.top_k = static_cast<int32_t>(between(1, 30));
      params.top_p = 0.9F;
    }
    return params;
  }

  void add_adjustments(Rows& rows, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      LogitAdjustment a{.token = static_cast<int32_t>(between(0, rows.vocab - 1))};
      if (between(0, 1) == 1) a.repetition = between(0, 1) == 1 ? 1.3F : 0.7F;
      if (between(0, 1) == 1) a.bias = normal(1, 2.0F)[0];
      if (between(0, 7) == 0) a.bias = -kInf;
      rows.adjustments.push_back(a);
    }
  }
};

TEST_P(AdjustedSampling, RandomAdjustments) {
  for (const int64_t vocab : {1, 3, 16, 1001, 49152}) {
    Rows rows{.vocab = vocab, .starts = {0}};
    for (uint64_t draw = 0; draw < (vocab > 10000 ? 12 : 60); ++draw) {
      rows.params.push_back(random_params(draw));
      if (draw % 4 != 0) add_adjustments(rows, between(1, std::min<int64_t>(2 * vocab, 3000)));
      rows.end_row();
    }
    rows.logits = normal(static_cast<int64_t>(rows.params.size()) * vocab, 3.0F);
    check(rows);
  }
}

TEST_P(AdjustedSampling, BansLeaveTheRest) {
  constexpr int32_t kVocab = 300;
  Rows rows{.vocab = kVocab, .starts = {0}};
  for (uint64_t draw = 0; draw < 40; ++draw) {
    rows.params.push_back(random_params(draw));
    const int32_t left = draw % 4 == 0 ? -1 : static_cast<int32_t>(between(0, kVocab - 1));
    for (int32_t token = 0; token < kVocab; ++token)
      if (token != left) rows.adjustments.push_back({.token = token, .bias = -kInf});
    rows.end_row();
  }
  rows.logits = normal(40 * kVocab, 3.0F);
  // Banned is banned: NaN comes of plus infinity and a ban.
  for (std::size_t i = 0; i < rows.logits.size(); i += 7) rows.logits[i] = kInf;
  check(rows);
}

TEST_P(AdjustedSampling, Logprobs) {
  for (const int64_t vocab : {1, 2, 19, 20, 21, 1000, 1500, 49152}) {
    Rows rows{.vocab = vocab};
    for (const int32_t top : {0, 1, 5, kMaxTopLogprobs, -1}) {
      for (uint64_t draw = 0; draw < (vocab > 10000 ? 1 : 3); ++draw) {
        rows.params.push_back(random_params(draw));
        rows.params.back().top_logprobs = top;
      }
    }
    rows.logits = normal(static_cast<int64_t>(rows.params.size()) * vocab, 3.0F);
    check(rows);
    for (float& x : rows.logits) x = std::round(x);  // many equals: the lowest ids come first
    check(rows);
  }
}

// The distribution told is the model's, whatever the adjustments and filters.
TEST_P(AdjustedSampling, LogprobsOfAdjustedRows) {
  constexpr int64_t kVocab = 2000;
  Rows rows{.vocab = kVocab, .starts = {0}};
  for (uint64_t draw = 0; draw < 60; ++draw) {
    rows.params.push_back(random_params(draw));
    rows.params.back().top_logprobs = static_cast<int32_t>(between(-1, kMaxTopLogprobs));
    if (draw % 3 != 0) add_adjustments(rows, 1500);
    rows.end_row();
  }
  rows.logits = normal(60 * kVocab, 3.0F);
  check(rows);
}

TEST_P(AdjustedSampling, LogprobsOfExtremeLogits) {
  for (const int64_t vocab : {4, 3000}) {
    for (const Floats& first :
         {Floats{-kInf, 3, -kInf, 2}, Floats{1, kInf, kInf, 0}, Floats{-kInf, -kInf, -kInf, -kInf},
          Floats{kNan, 1, kNan, 2}, Floats{kNan, kNan, kNan, kNan}, Floats{1e30F, -1e30F, 0, 1e30F},
          Floats{kNan, -kInf, kInf, 5}}) {
      for (const float rest : {-kInf, kNan, -5.0F}) {
        for (const int32_t top : {0, 3, kMaxTopLogprobs}) {
          Rows rows{.vocab = vocab,
                    .params = {{.temperature = 1, .seed = 2, .top_logprobs = top}},
                    .logits = first};
          rows.logits.resize(static_cast<std::size_t>(vocab), rest);
          check(rows);
        }
      }
    }
  }
}

TEST_P(AdjustedSampling, IsTheSameOnAnyThreads) {
  constexpr int64_t kVocab = 5000;
  Rows rows{.vocab = kVocab, .starts = {0}};
  for (uint64_t draw = 0; draw < 40; ++draw) {
    rows.params.push_back(random_params(draw));
    rows.params.back().top_logprobs = static_cast<int32_t>(between(-1, kMaxTopLogprobs));
    add_adjustments(rows, between(0, 100));
    rows.end_row();
  }
  rows.logits = normal(40 * kVocab, 3.0F);
  expect_same_on_any_threads([&](Side& side) {
    const Outputs found = outputs(side, rows);
    Floats all = found.logprobs;
    all.insert(all.end(), found.ids.begin(), found.ids.end());
    all.insert(all.end(), found.top_ids.begin(), found.top_ids.end());
    return all;
  });
}

CHITU_CONFORMANCE_BACKENDS(Sampling);
CHITU_CONFORMANCE_BACKENDS(AdjustedSampling);

}  // namespace
}  // namespace chitu::conformance
