#include "fake_model.h"

#include <gtest/gtest.h>

namespace chitu::sim {

std::vector<int32_t> answer_alone(std::span<const int32_t> prompt, int64_t max_tokens,
                                  int64_t min_tokens) {
  std::vector<int32_t> answer;
  uint64_t attended = 0;
  uint64_t state = 0;
  for (int64_t p = 0; p < max_tokens; ++p) {
    const auto i = static_cast<std::size_t>(p);
    if (i >= prompt.size()) {
      answer.push_back(token_of(state));
      if (answer.back() == kStopToken && static_cast<int64_t>(answer.size()) > min_tokens) break;
    }
    state = state_of(attended, p, i < prompt.size() ? prompt[i] : answer.back());
    attended = attend(attended, p, state);
  }
  return answer;
}

FakeModel::FakeModel(int64_t num_blocks, int64_t block_size)
    : block_size_(block_size),
      cache_(static_cast<std::size_t>(num_blocks * block_size)),
      writer_(static_cast<std::size_t>(num_blocks), -1) {}

std::vector<int32_t> FakeModel::compute(const BatchPlan& plan) {
  check_writers(plan);
  std::vector<int32_t> sampled;
  const int32_t* tokens = plan.tokens.data();
  const BlockId* blocks = plan.blocks.data();
  for (const PlannedSequence& planned : plan.sequences) {
    const uint64_t state = compute(planned, tokens, blocks);
    if (planned.wants == Wants::kLogits) sampled.push_back(token_of(state));
    tokens += planned.num_tokens;
    blocks += planned.num_blocks;
  }
  return sampled;
}

uint64_t FakeModel::compute(const PlannedSequence& planned, const int32_t* tokens,
                            const BlockId* blocks) {
  const auto slot = [&](int64_t p) -> uint64_t& {
    const auto block = static_cast<int64_t>(blocks[p / block_size_]);
    return cache_[static_cast<std::size_t>(block * block_size_ + p % block_size_)];
  };
  uint64_t attended = 0;
  for (int64_t p = 0; p < planned.first_position; ++p) attended = attend(attended, p, slot(p));
  uint64_t state = 0;
  for (int64_t i = 0; i < planned.num_tokens; ++i) {
    const int64_t p = planned.first_position + i;
    EXPECT_GE(tokens[i], 0);
    state = slot(p) = state_of(attended, p, tokens[i]);
    attended = attend(attended, p, state);
  }
  return state;
}

void FakeModel::check_writers(const BatchPlan& plan) {
  const auto each_block = [&](auto visit) {
    const BlockId* block = plan.blocks.data();
    for (const PlannedSequence& planned : plan.sequences) {
      for (int64_t b = 0; b < planned.num_blocks; ++b) {
        visit(planned, b, writer_[static_cast<std::size_t>(*block++)]);
      }
    }
  };
  each_block([&](const PlannedSequence& planned, int64_t b, int64_t& writer) {
    if (b < planned.first_position / block_size_) return;
    EXPECT_EQ(writer, -1) << "two sequences write a block";
    writer = static_cast<int64_t>(planned.id);
  });
  each_block([&](const PlannedSequence& planned, int64_t, int64_t& writer) {
    EXPECT_TRUE(writer == -1 || writer == static_cast<int64_t>(planned.id))
        << "one sequence reads what another one writes";
  });
  each_block([](const PlannedSequence&, int64_t, int64_t& writer) { writer = -1; });
}

}  // namespace chitu::sim
