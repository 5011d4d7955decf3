#include <cmath>
#include <limits>

#include "harness.h"

namespace chitu::conformance {
namespace {

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
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float temperature : {0.0F, 1e-6F, 1.0F}) {
    for (const Floats& logits :
         {Floats{-inf, 3, -inf, 2}, Floats{1, inf, inf, 0}, Floats{-inf, -inf, -inf, -inf},
          Floats{nan, 1, nan, 2}, Floats{nan, nan, nan, nan}, Floats{1e30F, -1e30F, 0, 1e30F}}) {
      for (uint64_t draw = 0; draw < 5; ++draw) {
        check(logits, 4, {{.temperature = temperature, .seed = 1, .draw = draw}});
      }
    }
  }
}

CHITU_CONFORMANCE_BACKENDS(Sampling);

}  // namespace
}  // namespace chitu::conformance
