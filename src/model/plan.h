// Memory, known from the headers of the files before a weight is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/kv_spec.h"
#include "model/config.h"
#include "ops/ops.h"

namespace chitu {

class Checkpoint;

struct WeightPlan {
  struct Format {
    DType format = DType::kF32;
    int64_t tensors = 0;
    int64_t file_bytes = 0;
    int64_t prepared_bytes = 0;
  };

  std::vector<Format> formats;  // what the model binds, the largest share first
  int64_t parameters = 0;       // values in the tensors bound
  int64_t file_bytes = 0;
  int64_t prepared_bytes = 0;               // what load_model() will allocate through ops
  std::vector<std::string> unused_tensors;  // in the checkpoint, but no part of the model
};

// Errors: as load_model()'s, without having read a weight.
Result<WeightPlan> plan_weights(const Checkpoint& checkpoint, const ModelConfig& config,
                                const Ops& ops);

KvSpec kv_spec(const ModelConfig& config);

}  // namespace chitu
