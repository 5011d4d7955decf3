#include "engine/step_inputs.h"

#include <algorithm>

#include "base/round_up.h"
#include "ops/arena.h"

namespace chitu {
namespace {

// Hands out I32 vectors of the memory at `base` (or none, to measure), each on its own cache line.
class Cursor {
 public:
  explicit Cursor(void* base) : base_(static_cast<std::byte*>(base)) {}

  TensorRef take(int64_t count) { return take(Shape{count}); }
  TensorRef take(const Shape& shape) {
    TensorRef view = TensorRef::contiguous(base_ + used_, DType::kI32, shape);
    const std::size_t bytes = static_cast<std::size_t>(bytes_for(DType::kI32, shape.elements()));
    used_ += round_up(bytes, Arena::kAlignment);
    return view;
  }
  std::size_t used() const { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

StepInputs lay_out(const StepShape& shape, Cursor& cursor) {
  StepInputs inputs;
  inputs.ids = cursor.take(shape.tokens);
  inputs.wanted_rows = cursor.take(shape.wanted_rows);
  inputs.attention.positions = cursor.take(shape.tokens);
  inputs.attention.rope_lens = cursor.take(shape.tokens);
  inputs.attention.slots = cursor.take(shape.tokens);
  inputs.attention.q_starts = cursor.take(shape.sequences + 1);
  inputs.attention.kv_lens = cursor.take(shape.sequences);
  inputs.attention.block_table = cursor.take(Shape{shape.sequences, shape.blocks_per_sequence});
  return inputs;
}

}  // namespace

int64_t step_input_bytes(const StepShape& shape) {
  Cursor cursor(reinterpret_cast<void*>(Arena::kAlignment));
  lay_out(shape, cursor);
  return static_cast<int64_t>(cursor.used());
}

StepInputs step_inputs(const StepShape& shape, int64_t block_size, void* memory) {
  Cursor cursor(memory);
  StepInputs inputs = lay_out(shape, cursor);
  inputs.attention.block_size = block_size;
  inputs.attention.num_tokens = shape.tokens;
  inputs.attention.num_sequences = shape.sequences;
  inputs.attention.max_q_len = shape.max_q_len;
  inputs.attention.max_kv_len = shape.max_kv_len;
  return inputs;
}

StepShape step_shape(const BatchPlan& plan) {
  StepShape shape{.tokens = static_cast<int64_t>(plan.tokens.size()),
                  .sequences = static_cast<int64_t>(plan.sequences.size()),
                  .wanted_rows = plan.num_logit_rows + plan.num_embedding_rows};
  for (const PlannedSequence& s : plan.sequences) {
    shape.blocks_per_sequence = std::max(shape.blocks_per_sequence, s.num_blocks);
    shape.max_q_len = std::max(shape.max_q_len, s.num_tokens);
    shape.max_kv_len = std::max(shape.max_kv_len, s.first_position + s.num_tokens);
  }
  return shape;
}

void fill_step_inputs(const BatchPlan& plan, int64_t block_size, std::vector<int32_t>& values) {
  const StepShape shape = step_shape(plan);
  values.assign(static_cast<std::size_t>(step_input_bytes(shape)) / sizeof(int32_t), 0);
  const StepInputs host = step_inputs(shape, block_size, values.data());
  std::copy(plan.tokens.begin(), plan.tokens.end(), host.ids.row<int32_t>(0));

  int32_t* const positions = host.attention.positions.row<int32_t>(0);
  int32_t* const rope_lens = host.attention.rope_lens.row<int32_t>(0);
  int32_t* const slots = host.attention.slots.row<int32_t>(0);
  int32_t* const q_starts = host.attention.q_starts.row<int32_t>(0);
  int32_t* const kv_lens = host.attention.kv_lens.row<int32_t>(0);
  int32_t* logit_row = host.wanted_rows.row<int32_t>(0);
  int32_t* embedding_row = logit_row + plan.num_logit_rows;

  int64_t token = 0;
  int64_t sequence = 0;
  const BlockId* blocks = plan.blocks.data();
  for (const PlannedSequence& s : plan.sequences) {
    int32_t* const table = host.attention.block_table.row<int32_t>(sequence);
    for (int64_t i = 0; i < s.num_blocks; ++i) table[i] = static_cast<int32_t>(blocks[i]);
    q_starts[sequence] = static_cast<int32_t>(token);
    kv_lens[sequence] = static_cast<int32_t>(s.first_position + s.num_tokens);
    for (int64_t i = 0; i < s.num_tokens; ++i, ++token) {
      const int64_t position = s.first_position + i;
      positions[token] = static_cast<int32_t>(position);
      rope_lens[token] = static_cast<int32_t>(std::max(s.prompt_len, position + 1));
      slots[token] =
          static_cast<int32_t>(table[position / block_size] * block_size + position % block_size);
    }
    const auto last = static_cast<int32_t>(token - 1);
    if (s.wants == Wants::kLogits) *logit_row++ = last;
    if (s.wants == Wants::kEmbedding) *embedding_row++ = last;
    blocks += s.num_blocks;
    ++sequence;
  }
  q_starts[sequence] = static_cast<int32_t>(token);
}

}  // namespace chitu
