// The default model on the CPU back end against transformers running its dequantized weights in
// float32 (make_golden.py).
//
// The file is where CHITU_DEFAULT_MODEL says, which `make test` sets to what `chitu pull` fetched.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "backend/cpu/cpu_ops.h"
#include "base/thread_pool.h"
#include "io/checkpoint.h"
#include "io/json.h"
#include "model/load.h"
#include "tests/golden/models/runner.h"
#include "tests/golden/smollm2/requantize.h"

namespace chitu::test {
namespace {

std::vector<int32_t> ints(const json::Value& value) {
  std::vector<int32_t> result;
  for (const json::Value& item : value.get_array()) {
    result.push_back(static_cast<int32_t>(item.get_int64()));
  }
  return result;
}

class SmolLm2 : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("CHITU_DEFAULT_MODEL");
    if (path == nullptr) {
      GTEST_SKIP() << "set CHITU_DEFAULT_MODEL to the file that `chitu pull` fetches";
    }
    auto checkpoint = Checkpoint::open(path);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
    checkpoint_ = std::make_unique<Checkpoint>(std::move(*checkpoint));
    auto golden = json::parse_file(CHITU_SOURCE_DIR "/tests/golden/smollm2/golden.json");
    ASSERT_TRUE(golden.ok()) << golden.error().message;
    golden_ = std::move(*golden);
  }

  void load(cpu::Arithmetic arithmetic) {
    ops_ = make_cpu_ops(pool_, {.arithmetic = arithmetic}).value();
    load(*ops_);
  }
  // With the weights changed to another format.
  void load(cpu::Arithmetic arithmetic, Requantize weights) {
    ops_ = make_cpu_ops(pool_, {.arithmetic = arithmetic}).value();
    RequantizingOps requantizing(*ops_, weights, pool_);
    load(requantizing);
  }

  void make_runner(DType kv_dtype = DType::kF32) {
    runner_ = std::make_unique<Runner>(*model_, *ops_,
                                       RunnerOptions{.block_size = 64,
                                                     .num_blocks = 32,
                                                     .arena_bytes = std::size_t{512} << 20,
                                                     .kv_dtype = kv_dtype});
  }
  // Of the text, or of its first tokens.
  double perplexity(DType kv_dtype, std::size_t most_tokens = SIZE_MAX);
  // Of the loaded model, within half a percent of transformers'.
  void expect_perplexity(DType kv_dtype);

  void load(Ops& ops) {
    const auto config = read_model_config(*checkpoint_);
    ASSERT_TRUE(config.ok()) << config.error().message;
    auto model = load_model(*checkpoint_, *config, ops);
    ASSERT_TRUE(model.ok()) << model.error().message;
    model_ = std::move(*model);
  }

  ThreadPool pool_{{.pin = Pin::kOff}};
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Ops> ops_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Runner> runner_;
  json::Value golden_;
};

// "VmHWM" or "VmRSS" of this process, in bytes.
int64_t memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1)) * 1024;
  }
  return 0;
}

TEST_F(SmolLm2, LoadingTakesNoMoreThanATenthBeyondTheWeights) {
  std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM starts anew
  const int64_t before = memory("VmRSS");
  load(cpu::Arithmetic::kFast);
  const WeightPlan plan = plan_weights(*checkpoint_, model_->config(), *ops_).value();
  constexpr int64_t kAllocatorsOwn = 2 << 20;
  EXPECT_LE(memory("VmHWM") - before, plan.prepared_bytes * 11 / 10 + kAllocatorsOwn);
}

TEST_F(SmolLm2, FiveAnswersOf256TokensAreThoseOfTransformers) {
  load(cpu::Arithmetic::kFloat32);
  make_runner();
  std::vector<Sequence> sequences;
  std::vector<std::vector<int32_t>> wanted;
  for (const json::Value& prompt : golden_.at("prompts").get_array()) {
    sequences.emplace_back(ints(prompt.at("ids")));
    wanted.push_back(ints(prompt.at("tokens")));
  }
  std::vector<Sequence*> all;
  for (Sequence& sequence : sequences) all.push_back(&sequence);
  const auto found = runner_->generate(all, 256);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(found[i], wanted[i]) << "prompt " << i;
}

// -log softmax(logits)[token]
double nll(const std::vector<float>& logits, int32_t token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  const double sum = std::accumulate(logits.begin(), logits.end(), 0.0, [&](double s, float x) {
    return s + std::exp(static_cast<double>(x) - largest);
  });
  return largest + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(token)]);
}

double SmolLm2::perplexity(DType kv_dtype, std::size_t most_tokens) {
  const json::Value& text = golden_.at("text");
  std::vector<int32_t> ids = ints(text.at("ids"));
  ids.resize(std::min(ids.size(), most_tokens));
  const auto window = static_cast<std::size_t>(text.at("window").get_int64());
  double total = 0.0;
  int64_t count = 0;
  for (std::size_t begin = 0; begin < ids.size(); begin += window) {
    const std::size_t end = std::min(begin + window, ids.size());
    Sequence sequence(std::vector<int32_t>(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                                           ids.begin() + static_cast<std::ptrdiff_t>(end)));
    make_runner(kv_dtype);  // for an empty cache
    const auto logits = runner_->prefill(sequence, 128);
    for (std::size_t t = 0; t + 1 < logits.size(); ++t, ++count) {
      total += nll(logits[t], sequence.tokens[t + 1]);
    }
  }
  return std::exp(total / static_cast<double>(count));
}

void SmolLm2::expect_perplexity(DType kv_dtype) {
  const double found = perplexity(kv_dtype);
  const double wanted = std::exp(golden_.at("text").at("mean_nll").get_double());
  RecordProperty("perplexity", std::to_string(found));
  RecordProperty("perplexity_of_transformers", std::to_string(wanted));
  EXPECT_NEAR(found, wanted, 0.005 * wanted) << "KV cache in " << name(kv_dtype);
}

TEST_F(SmolLm2, FastArithmeticKeepsThePerplexityWithinHalfAPercent) {
  load(cpu::Arithmetic::kFast);
  expect_perplexity(DType::kF16);
}

TEST_F(SmolLm2, AnEightBitCacheKeepsThePerplexityWithinHalfAPercent) {
  load(cpu::Arithmetic::kFast);
  expect_perplexity(DType::kQ8_0);
}

struct InFormat {
  DType weights;
  std::size_t tokens;
};

// Other files of the model: what fast arithmetic costs against exact activations, with the same
// weights. Over a part of the text, for time, where that tells it well enough: the cost differs
// from one window to the next, the more so the coarser the weights are.
class SmolLm2In : public SmolLm2, public testing::WithParamInterface<InFormat> {};

TEST_P(SmolLm2In, FastArithmeticKeepsThePerplexityWithinHalfAPercent) {
  const auto& [format, tokens] = GetParam();
  load(cpu::Arithmetic::kFloat32, Requantize{format});
  const double exact = perplexity(DType::kF16, tokens);
  EXPECT_LT(exact, 80.0) << "these weights are not the model's any more";
  load(cpu::Arithmetic::kFast, Requantize{format});
  const double fast = perplexity(DType::kF16, tokens);
  RecordProperty("perplexity", std::to_string(fast));
  RecordProperty("perplexity_in_float", std::to_string(exact));
  EXPECT_NEAR(fast, exact, 0.005 * exact);
}

INSTANTIATE_TEST_SUITE_P(Formats, SmolLm2In,
                         testing::Values(InFormat{DType::kF16, 1024}, InFormat{DType::kBF16, 1024},
                                         InFormat{DType::kQ8_0, 2048}, InFormat{DType::kQ4_K, 2048},
                                         InFormat{DType::kQ6_K, 2048},
                                         InFormat{DType::kQ4_0, 4096}),
                         [](const auto& test) { return std::string(name(test.param.weights)); });

}  // namespace
}  // namespace chitu::test
