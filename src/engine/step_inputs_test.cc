#include "engine/step_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using testing::ElementsAre;

std::vector<int32_t> values(const TensorRef& view) {
  const auto* data = static_cast<const int32_t*>(view.data);
  return {data, data + view.shape.elements()};
}

// A sequence that decodes its sixth token beside the first three of a prompt of five.
BatchPlan mixed_plan() {
  BatchPlan plan;
  plan.sequences.push_back({.id = SequenceId{1},
                            .first_position = 5,
                            .num_tokens = 1,
                            .prompt_len = 4,
                            .num_blocks = 3,
                            .wants = Wants::kLogits});
  plan.sequences.push_back({.id = SequenceId{2},
                            .first_position = 0,
                            .num_tokens = 3,
                            .prompt_len = 5,
                            .num_blocks = 2});
  plan.tokens = {100, 201, 202, 203};
  plan.blocks = {BlockId{7}, BlockId{3}, BlockId{5}, BlockId{0}, BlockId{9}};
  plan.num_logit_rows = 1;
  return plan;
}

TEST(StepInputs, DescribesEveryTokenAndSequence) {
  const BatchPlan plan = mixed_plan();
  std::vector<int32_t> memory;
  fill_step_inputs(plan, 2, memory);
  const StepInputs inputs = step_inputs(step_shape(plan), 2, memory.data());
  const AttentionPlan& attention = inputs.attention;

  EXPECT_THAT(values(inputs.ids), ElementsAre(100, 201, 202, 203));
  EXPECT_THAT(values(inputs.wanted_rows), ElementsAre(0));
  EXPECT_THAT(values(attention.positions), ElementsAre(5, 0, 1, 2));
  EXPECT_THAT(values(attention.rope_lens), ElementsAre(6, 5, 5, 5));
  EXPECT_THAT(values(attention.slots), ElementsAre(5 * 2 + 1, 0, 1, 9 * 2));
  EXPECT_THAT(values(attention.q_starts), ElementsAre(0, 1, 4));
  EXPECT_THAT(values(attention.kv_lens), ElementsAre(6, 3));
  EXPECT_THAT(values(attention.block_table), ElementsAre(7, 3, 5, 0, 9, 0));
  EXPECT_EQ(attention.num_tokens, 4);
  EXPECT_EQ(attention.num_sequences, 2);
  EXPECT_EQ(attention.max_q_len, 3);
  EXPECT_EQ(attention.max_kv_len, 6);
  EXPECT_EQ(attention.block_size, 2);
}

TEST(StepInputs, HasTheRowsOfLogitsBeforeThoseOfEmbeddings) {
  BatchPlan plan = mixed_plan();
  plan.sequences[0].wants = Wants::kEmbedding;
  plan.sequences[1].wants = Wants::kLogits;
  plan.num_embedding_rows = 1;
  std::vector<int32_t> memory;
  fill_step_inputs(plan, 2, memory);
  const StepInputs inputs = step_inputs(step_shape(plan), 2, memory.data());
  EXPECT_THAT(values(inputs.wanted_rows), ElementsAre(3, 0));
}

TEST(StepInputs, FillsExactlyTheMemoryThatWasMeasured) {
  const BatchPlan plan = mixed_plan();
  std::vector<int32_t> memory;
  fill_step_inputs(plan, 2, memory);
  EXPECT_EQ(static_cast<int64_t>(memory.size() * sizeof(int32_t)),
            step_input_bytes(step_shape(plan)));
}

TEST(StepInputs, NeedsTheMostMemoryForTheLargestStep) {
  const StepShape largest{.tokens = 16, .sequences = 4, .wanted_rows = 4, .blocks_per_sequence = 8};
  for (const StepShape& shape :
       {StepShape{16, 1, 1, 8}, StepShape{4, 4, 4, 8}, StepShape{16, 4, 0, 1}}) {
    EXPECT_LE(step_input_bytes(shape), step_input_bytes(largest));
  }
}

}  // namespace
}  // namespace chitu
