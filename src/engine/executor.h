// Computes the steps that the scheduler plans, on one back end, beside the thread that plans. Owns
// the KV cache and the step's memory; nothing is allocated per step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/kv_cache.h"
#include "engine/memory_plan.h"
#include "engine/step_inputs.h"
#include "engine/worker.h"
#include "model/model.h"
#include "ops/arena.h"
#include "ops/ops.h"
#include "sched/batch_plan.h"

namespace chitu {

// How the tokens of a step are drawn: one row for each of its sequences that want logits, in their
// order. The fields are Sample's.
struct StepSampling {
  std::vector<SamplingParams> params;
  std::vector<int32_t> adjustment_starts;  // [rows + 1]
  std::vector<LogitAdjustment> adjustments;
  bool wants_logprobs = false;  // some row does

  void clear();
};

// What a step has put out. Views that are valid until the next launch().
struct StepResult {
  std::span<const int32_t> sampled;  // a token for each row of logits
  // Of row r, [1 + kMaxTopLogprobs] each from r * (1 + kMaxTopLogprobs) on, as Sample has them;
  // empty when no row asked for them.
  std::span<const int32_t> logprob_ids;
  std::span<const float> logprobs;
  std::span<const float> embeddings;  // [rows, hidden_size], of the rows of embeddings
  double seconds = 0;                 // that it took
};

class Executor {
 public:
  // `model` and `ops` must outlive it. Error: kResourceExhausted.
  static Result<std::unique_ptr<Executor>> create(const Model& model, Ops& ops,
                                                  const MemoryPlan& plan);

  // Begins to compute `plan` and returns at once. Neither may change before wait() has returned.
  // REQUIRES: no step is being computed.
  void launch(const BatchPlan& plan, const StepSampling& sampling);
  // The result of the step that was launched. Error: what the back end reports.
  Result<StepResult> wait();

 private:
  Executor(const Model& model, Ops& ops, const MemoryPlan& plan);

  Status allocate(const MemoryPlan& plan);
  void compute();
  Status compute_step();
  void sample(const TensorRef& logits);
  void download_embeddings(const TensorRef& hidden);

  const Model* model_;
  Ops* ops_;
  int64_t block_size_;
  KvCache kv_;
  Buffer workspace_;
  Arena arena_;    // in workspace_
  Buffer inputs_;  // step_inputs.h
  Buffer sampled_;
  Buffer logprob_ids_;
  Buffer logprobs_;

  // The step that is being computed, and what came of it.
  const BatchPlan* plan_ = nullptr;
  const StepSampling* sampling_ = nullptr;
  Status status_;
  double seconds_ = 0;
  std::vector<int32_t> host_inputs_;
  std::vector<int32_t> host_sampled_;
  std::vector<int32_t> host_logprob_ids_;
  std::vector<float> host_logprobs_;
  std::vector<std::byte> host_hidden_;
  std::vector<float> host_embeddings_;

  Worker worker_;  // the last member: it uses the others
};

}  // namespace chitu
