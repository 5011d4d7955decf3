// What a model will take in memory, known before a weight is read.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/kv_cache.h"
#include "engine/options.h"
#include "engine/step_inputs.h"
#include "model/config.h"
#include "model/plan.h"
#include "ops/ops.h"

namespace chitu {

class Checkpoint;

struct MemoryPlan {
  WeightPlan weights;
  KvCacheShape kv;

  // The sizes decided upon.
  int64_t max_seq_len = 0;
  int64_t max_reqs = 0;
  int64_t max_step_tokens = 0;
  int64_t blocks_per_sequence = 0;
  int64_t num_blocks = 0;  // as it was asked for; 0: it follows from the length and number

  // Bytes.
  int64_t activations = 0;  // the arena of the largest step
  int64_t scratch = 0;      // of the back end's operations: Ops::reserve()
  int64_t inputs = 0;       // step_inputs.h, and the sampled tokens
  int64_t limit = 0;        // what may be taken

  int64_t workspace() const { return activations + scratch + inputs; }
  int64_t total() const { return weights.prepared_bytes + kv.bytes() + workspace(); }
  bool fits() const { return total() <= limit; }
  StepShape largest_step() const;
};

// Reads headers only. A plan that does not fit is not an error here: see check_fits().
// Errors: as plan_weights()'s; kInvalidArgument for options that contradict the model.
Result<MemoryPlan> plan_memory(const Checkpoint& checkpoint, const ModelConfig& config,
                               const Ops& ops, const EngineOptions& options);

// Error: kResourceExhausted, with what is needed, what there is, and the setting that would fit.
Status check_fits(const MemoryPlan& plan, const Checkpoint& checkpoint, const ModelConfig& config,
                  const Ops& ops);

std::string format_bytes(int64_t bytes);       // "1.5 GiB"
std::string one_line(const MemoryPlan& plan);  // for a log
std::string table(const MemoryPlan& plan);     // for a reader, several lines

}  // namespace chitu
