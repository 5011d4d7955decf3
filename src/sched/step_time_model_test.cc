#include "sched/step_time_model.h"

#include <gtest/gtest.h>

#include <random>

namespace chitu {
namespace {

// A machine whose steps take: 2 ms, 0.4 ms for a token of a prompt, 0.3 ms for a decoding row, and
// time for what is attended to.
double seconds_of(const StepLoad& load) {
  return 2e-3 + 4e-4 * static_cast<double>(load.prefill_tokens) +
         2e-8 * static_cast<double>(load.prefill_context) +
         3e-4 * static_cast<double>(load.decode_rows) +
         1e-7 * static_cast<double>(load.decode_context);
}

StepLoad load(int64_t prefill_tokens, int64_t first_position, int64_t rows, int64_t context) {
  return {prefill_tokens, prefill_tokens * first_position + prefill_tokens * prefill_tokens / 2,
          rows, rows * context};
}

void teach(StepTimeModel& model, int steps, double noise = 0) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> strays(1 - noise, 1 + noise);
  for (int i = 0; i < steps; ++i) {
    const int64_t prefill = i % 3 == 0 ? 0 : 32 + static_cast<int64_t>(random() % 400);
    const StepLoad step =
        load(prefill, static_cast<int64_t>(random() % 3000), static_cast<int64_t>(random() % 32),
             100 + static_cast<int64_t>(random() % 2000));
    model.observe(step, seconds_of(step) * strays(random));
  }
}

TEST(StepLoad, CountsWhatAPlanComputes) {
  BatchPlan plan;
  plan.sequences = {{.first_position = 10, .num_tokens = 1},
                    {.first_position = 4, .num_tokens = 3},
                    {.first_position = 20, .num_tokens = 1}};
  // The three tokens attend to 5, 6 and 7.
  EXPECT_EQ(load_of(plan), (StepLoad{3, 18, 2, 11 + 21}));
}

TEST(StepTimeModel, LearnsWhatStepsCost) {
  StepTimeModel model;
  EXPECT_EQ(model.predict(load(100, 0, 8, 500)), 0);
  teach(model, 200, 0.1);
  for (const StepLoad& step :
       {load(0, 0, 16, 800), load(128, 0, 16, 800), load(300, 2500, 4, 100)}) {
    EXPECT_NEAR(model.predict(step) / seconds_of(step), 1, 0.15);
  }
}

TEST(StepTimeModel, KeepsAStepWithinItsBudget) {
  StepTimeModel model;
  teach(model, 200);
  for (const double budget : {0.03, 0.05, 0.2}) {
    for (const int64_t position : {0, 1000, 8000}) {
      const StepLoad decoding = load(0, 0, 16, 500);
      const int64_t n = model.prefill_tokens(budget, decoding, position, 4096);
      StepLoad step = load(n, position, 16, 500);
      EXPECT_LT(seconds_of(step), 1.1 * budget) << position;
      EXPECT_GT(seconds_of(step), 0.9 * budget) << position;
    }
  }
}

TEST(StepTimeModel, LetsPromptsAlwaysGetOn) {
  StepTimeModel model;
  EXPECT_EQ(model.prefill_tokens(0.05, {}, 0, 512), StepTimeModel::kFirstChunk);
  EXPECT_EQ(model.prefill_tokens(0.05, {}, 0, 64), 64);
  teach(model, 100);
  const StepLoad decoding = load(0, 0, 256, 4000);
  ASSERT_GT(model.predict(decoding), 0.05);
  EXPECT_EQ(model.prefill_tokens(0.05, decoding, 0, 512), StepTimeModel::kLeastChunk);
  EXPECT_EQ(model.prefill_tokens(0.05, decoding, 0, 8), 8);
  EXPECT_EQ(model.prefill_tokens(1000, decoding, 0, 512), 512);
}

TEST(StepTimeModel, AllowsTwiceADecodingStepAndAtLeast50Ms) {
  StepTimeModel model;
  teach(model, 100);
  EXPECT_EQ(model.auto_budget(load(0, 0, 1, 100)), 0.05);
  const StepLoad many = load(0, 0, 256, 1000);
  EXPECT_NEAR(model.auto_budget(many), 2 * seconds_of(many), 0.02);
}

TEST(StepTimeModel, ForgetsASingleStallSoon) {
  StepTimeModel model;
  teach(model, 200);
  const StepLoad step = load(0, 0, 16, 500);
  model.observe(step, 3.0);
  EXPECT_NEAR(model.predict(step) / seconds_of(step), 1, 0.2);
}

TEST(StepTimeModel, FollowsAMachineThatBecomesSlower) {
  StepTimeModel model;
  teach(model, 200);
  const StepLoad step = load(0, 0, 16, 500);
  for (int i = 0; i < 100; ++i) model.observe(step, 3 * seconds_of(step));
  EXPECT_NEAR(model.predict(step) / seconds_of(step), 3, 0.3);
}

}  // namespace
}  // namespace chitu
