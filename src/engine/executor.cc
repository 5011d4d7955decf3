#include "engine/executor.h"

namespace chitu {

Result<Executor> Executor::create(const Model& model, Ops& ops, const MemoryPlan& plan) {
  Executor executor(model, ops);
  executor.block_size_ = plan.kv.block_size;
  TRY(kv, KvCache::allocate(plan.kv, ops));
  TRY(workspace, ops.allocate(static_cast<std::size_t>(plan.activations)));
  TRY(inputs, ops.allocate(static_cast<std::size_t>(step_input_bytes(plan.largest_step()))));
  TRY(sampled, ops.allocate(static_cast<std::size_t>(bytes_for(DType::kI32, plan.max_reqs))));
  TRY_STATUS(ops.reserve(plan.scratch));
  executor.kv_ = std::move(kv);
  executor.workspace_ = std::move(workspace);
  executor.arena_ = Arena(executor.workspace_.data(), executor.workspace_.bytes());
  executor.inputs_ = std::move(inputs);
  executor.sampled_ = std::move(sampled);
  executor.host_inputs_.reserve(executor.inputs_.bytes() / sizeof(int32_t));
  executor.host_sampled_.reserve(static_cast<std::size_t>(plan.max_reqs));
  return executor;
}

Result<std::span<const int32_t>> Executor::execute(const BatchPlan& plan,
                                                   std::span<const SamplingParams> sampling) {
  CHECK(static_cast<int64_t>(sampling.size()) == plan.num_logit_rows);
  fill_step_inputs(plan, block_size_, host_inputs_);
  const std::size_t input_bytes = host_inputs_.size() * sizeof(int32_t);
  CHECK(input_bytes <= inputs_.bytes());
  ops_->upload(inputs_.data(), host_inputs_.data(), input_bytes);

  const StepInputs inputs = step_inputs(step_shape(plan), block_size_, inputs_.data());
  arena_.reset();
  Step step{.ops = *ops_,
            .arena = arena_,
            .attention = inputs.attention,
            .ids = inputs.ids,
            .logit_rows = inputs.logit_rows,
            .kv = kv_.layers()};
  const TensorRef logits = model_->forward(step);

  host_sampled_.resize(sampling.size());
  if (!sampling.empty()) {
    const TensorRef ids =
        TensorRef::contiguous(sampled_.data(), DType::kI32, Shape{plan.num_logit_rows});
    ops_->run(Sample{.logits = logits, .params = sampling, .ids = ids});
    ops_->download(host_sampled_.data(), sampled_.data(), sampling.size() * sizeof(int32_t));
  }
  TRY_STATUS(ops_->synchronize());
  return std::span<const int32_t>(host_sampled_);
}

}  // namespace chitu
