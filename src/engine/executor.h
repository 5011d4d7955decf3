// Computes the steps that the scheduler plans, on one back end. Owns the KV cache and the step's
// memory; nothing is allocated per step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/kv_cache.h"
#include "engine/memory_plan.h"
#include "engine/step_inputs.h"
#include "model/model.h"
#include "ops/arena.h"
#include "ops/ops.h"
#include "sched/batch_plan.h"

namespace chitu {

class Executor {
 public:
  // `model` and `ops` must outlive it. Error: kResourceExhausted.
  static Result<Executor> create(const Model& model, Ops& ops, const MemoryPlan& plan);

  // Computes `plan` and draws one token for each sequence that wants logits, in their order, by
  // `sampling`, one each. The result is valid until the next call.
  Result<std::span<const int32_t>> execute(const BatchPlan& plan,
                                           std::span<const SamplingParams> sampling);

 private:
  Executor(const Model& model, Ops& ops) : model_(&model), ops_(&ops) {}

  const Model* model_;
  Ops* ops_;
  int64_t block_size_ = 0;
  KvCache kv_;
  Buffer workspace_;
  Arena arena_;    // in workspace_
  Buffer inputs_;  // step_inputs.h
  Buffer sampled_;
  std::vector<int32_t> host_inputs_;
  std::vector<int32_t> host_sampled_;
};

}  // namespace chitu
