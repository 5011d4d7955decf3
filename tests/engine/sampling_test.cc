// Requests drawn step by step, as the engine does it: each one's SamplingState, and Sample on the
// CPU. The model is a table: the logits of the next token are those of the last one's row.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "../chi_square.h"
#include "backend/cpu/cpu_ops.h"
#include "engine/sampling_state.h"

namespace chitu {
namespace {

using Tokens = std::vector<int32_t>;

struct Model {
  int64_t vocab = 0;
  std::vector<float> table;  // [vocab, vocab]
};

Model random_model(int64_t vocab) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.0F, 1.5F);
  Model model{vocab, std::vector<float>(static_cast<std::size_t>(vocab * vocab))};
  for (float& x : model.table) x = normal(random);
  return model;
}

struct Answer {
  SamplingOptions options;
  Tokens tokens;  // prompt and answer
  SamplingState state;

  Answer(const SamplingOptions& o, Tokens prompt, int64_t vocab, const Tokens& stops = {},
         int64_t min_tokens = 0)
      : options(o),
        tokens(std::move(prompt)),
        state(o, {.prompt = tokens,
                  .stop_tokens = stops,
                  .min_tokens = min_tokens,
                  .max_tokens = 1000,
                  .vocab_size = vocab}) {}
};

// Draws the next token of each of `answers`, in one operation.
void step(Ops& ops, const Model& model, const std::vector<Answer*>& answers) {
  const auto rows = static_cast<int64_t>(answers.size());
  std::vector<float> logits;
  std::vector<SamplingParams> params;
  std::vector<int32_t> starts = {0};
  std::vector<LogitAdjustment> adjustments;
  for (const Answer* answer : answers) {
    const auto row = model.table.begin() + answer->tokens.back() * model.vocab;
    logits.insert(logits.end(), row, row + model.vocab);
    params.push_back(answer->state.params());
    answer->state.append_adjustments(adjustments);
    starts.push_back(static_cast<int32_t>(adjustments.size()));
  }
  Tokens ids(answers.size());
  ops.run(Sample{.logits = TensorRef::contiguous(logits.data(), DType::kF32, {rows, model.vocab}),
                 .params = params,
                 .adjustment_starts = starts,
                 .adjustments = adjustments,
                 .ids = TensorRef::contiguous(ids.data(), DType::kI32, {rows})});
  for (std::size_t i = 0; i < answers.size(); ++i) {
    answers[i]->tokens.push_back(ids[i]);
    answers[i]->state.append(ids[i]);
  }
}

class SamplingOverSteps : public testing::Test {
 protected:
  ThreadPool pool_{{.num_threads = 2, .pin = Pin::kOff}};
  std::unique_ptr<Ops> ops_ = std::move(*make_cpu_ops(pool_));
};

// Every combination of what a request may ask for.
std::vector<SamplingOptions> many_options() {
  std::vector<SamplingOptions> all;
  for (const float temperature : {0.0F, 0.7F, 1.5F}) {
    for (const float penalty : {0.0F, 0.5F, -0.5F}) {
      for (const float repetition : {1.0F, 1.3F}) {
        for (const int32_t top_k : {0, 10}) {
          all.push_back({.temperature = temperature,
                         .top_k = top_k,
                         .top_p = top_k == 0 ? 0.9F : 1.0F,
                         .seed = all.size() % 3,
                         .repetition_penalty = repetition,
                         .frequency_penalty = penalty,
                         .presence_penalty = penalty / 2,
                         .logit_bias = {{3, penalty * 4}}});
        }
      }
    }
  }
  return all;
}

// The same seed and request give the same tokens, whatever else runs, in whichever rows.
TEST_F(SamplingOverSteps, NothingElseChangesATokenOfARequest) {
  constexpr int64_t kVocab = 200;
  constexpr std::size_t kLength = 30;
  const Model model = random_model(kVocab);
  std::vector<Answer> alone;
  for (const SamplingOptions& options : many_options()) {
    alone.emplace_back(options, Tokens{1, 2, 3, static_cast<int32_t>(alone.size())}, kVocab);
    while (alone.back().tokens.size() < kLength) step(*ops_, model, {&alone.back()});
  }

  std::vector<Answer> together;
  for (const SamplingOptions& options : many_options()) {
    together.emplace_back(options, Tokens{1, 2, 3, static_cast<int32_t>(together.size())}, kVocab);
  }
  std::mt19937 random(8);
  while (true) {
    std::vector<Answer*> batch;
    for (Answer& answer : together)
      if (answer.tokens.size() < kLength && random() % 3 != 0) batch.push_back(&answer);
    std::shuffle(batch.begin(), batch.end(), random);
    if (batch.empty()) break;
    step(*ops_, model, batch);
  }
  for (std::size_t i = 0; i < alone.size(); ++i)
    while (together[i].tokens.size() < kLength) step(*ops_, model, {&together[i]});
  for (std::size_t i = 0; i < alone.size(); ++i)
    EXPECT_EQ(together[i].tokens, alone[i].tokens) << "request " << i;
}

TEST_F(SamplingOverSteps, StopTokensWaitForMinTokens) {
  const Model model{4, {0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0}};  // always token 2
  Answer answer({}, {0}, 4, {2, 0}, 3);
  for (int i = 0; i < 5; ++i) step(*ops_, model, {&answer});
  EXPECT_EQ(answer.tokens, (Tokens{0, 1, 1, 1, 2, 2}));
}

// Sequences of three tokens of a vocabulary of three, against their exact probabilities: penalties
// make each draw depend on those before it.
class PenaltiesOverSteps : public SamplingOverSteps {
 protected:
  static constexpr int64_t kVocab = 3;
  static constexpr int kDraws = 20000;
  using Drawn = std::array<int32_t, 3>;

  // Of the token after `prompt` and the `count` first of `drawn`, by the definitions.
  double probability(const SamplingOptions& options, const Tokens& prompt, const Drawn& drawn,
                     std::size_t count, int32_t token) const {
    const int32_t last = count == 0 ? prompt.back() : drawn[count - 1];
    double weight = 0.0;
    double sum = 0.0;
    for (int32_t t = 0; t < kVocab; ++t) {
      double x = model_.table[static_cast<std::size_t>(last * kVocab + t)];
      const auto times =
          std::count(drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(count), t);
      if (times > 0 || std::count(prompt.begin(), prompt.end(), t) > 0)
        x = x > 0 ? x / options.repetition_penalty : x * options.repetition_penalty;
      x -= options.frequency_penalty * static_cast<double>(times);
      if (times > 0) x -= options.presence_penalty;
      for (const LogitBias& entry : options.logit_bias)
        if (entry.token == t) x += entry.bias;
      const double e = std::exp(x / options.temperature);
      sum += e;
      if (t == token) weight = e;
    }
    return weight / sum;
  }

  void check(SamplingOptions options) {
    const Tokens prompt = {1, 0};
    std::vector<double> exact(27, 1.0);
    for (int32_t i = 0; i < 27; ++i) {
      const Drawn drawn = {i / 9, i / 3 % 3, i % 3};
      for (std::size_t at = 0; at < drawn.size(); ++at)
        exact[static_cast<std::size_t>(i)] *= probability(options, prompt, drawn, at, drawn[at]);
    }
    std::vector<Answer> answers;
    for (options.seed = 0; options.seed < kDraws; ++options.seed)
      answers.emplace_back(options, prompt, kVocab);
    std::vector<Answer*> batch;
    for (Answer& answer : answers) batch.push_back(&answer);
    for (int i = 0; i < 3; ++i) step(*ops_, model_, batch);
    std::vector<int64_t> counts(27);
    for (const Answer& answer : answers) {
      const int32_t* drawn = answer.tokens.data() + 2;
      ++counts[static_cast<std::size_t>(drawn[0] * 9 + drawn[1] * 3 + drawn[2])];
    }
    expect_distribution(counts, exact);
  }

  const Model model_{kVocab, {0.5F, -0.3F, 1.0F, -0.8F, 0.2F, 0.4F, 1.2F, -0.1F, -0.6F}};
};

TEST_F(PenaltiesOverSteps, None) { check({.temperature = 1}); }

TEST_F(PenaltiesOverSteps, Frequency) {
  for (const float penalty : {0.7F, -0.7F}) check({.temperature = 1, .frequency_penalty = penalty});
}

TEST_F(PenaltiesOverSteps, Presence) {
  for (const float penalty : {0.7F, -0.7F}) check({.temperature = 1, .presence_penalty = penalty});
}

TEST_F(PenaltiesOverSteps, Repetition) {
  for (const float penalty : {1.8F, 0.5F}) check({.temperature = 1, .repetition_penalty = penalty});
}

TEST_F(PenaltiesOverSteps, AllOfThem) {
  check({.temperature = 0.8F,
         .repetition_penalty = 1.4F,
         .frequency_penalty = 0.4F,
         .presence_penalty = -0.6F,
         .logit_bias = {{2, -0.7F}}});
}

}  // namespace
}  // namespace chitu
