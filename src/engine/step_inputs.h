// What one step reads beside the weights and the cache: token ids, and where each token stands. All
// of it is I32 and lies in one piece of memory, so that a step costs one upload.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/descs.h"
#include "sched/batch_plan.h"

namespace chitu {

struct StepShape {
  int64_t tokens = 0;
  int64_t sequences = 0;
  int64_t wanted_rows = 0;          // of logits and of embeddings
  int64_t blocks_per_sequence = 0;  // the width of the block table
  int64_t max_q_len = 0;            // as in AttentionPlan
  int64_t max_kv_len = 0;
};

// Views into memory of step_input_bytes(shape).
struct StepInputs {
  TensorRef ids;          // [tokens]
  TensorRef wanted_rows;  // [wanted_rows]: the last token of each sequence that wants one
  AttentionPlan attention;
};

int64_t step_input_bytes(const StepShape& shape);
StepInputs step_inputs(const StepShape& shape, int64_t block_size, void* memory);

StepShape step_shape(const BatchPlan& plan);
// The numbers of `plan`, laid out as step_inputs() has them: what `memory` is to hold.
void fill_step_inputs(const BatchPlan& plan, int64_t block_size, std::vector<int32_t>& values);

}  // namespace chitu
