#include "engine/executor.h"

#include <chrono>
#include <cmath>
#include <new>

#include "base/check.h"
#include "tensor/format/decode.h"

namespace chitu {
namespace {

constexpr int64_t kLogprobColumns = 1 + kMaxTopLogprobs;

std::size_t size(int64_t n) { return static_cast<std::size_t>(n); }

// To Euclidean length 1; zeros stay what they are.
void normalize(std::span<float> values) {
  double sum = 0;
  for (const float x : values) sum += static_cast<double>(x) * x;
  if (!(sum > 0)) return;
  const double factor = 1 / std::sqrt(sum);
  for (float& x : values) x = static_cast<float>(x * factor);
}

}  // namespace

void StepSampling::clear() {
  params.clear();
  adjustment_starts.assign(1, 0);
  adjustments.clear();
  wants_logprobs = false;
}

Result<std::unique_ptr<Executor>> Executor::create(const Model& model, Ops& ops,
                                                   const MemoryPlan& plan) {
  auto executor = std::unique_ptr<Executor>(new Executor(model, ops, plan));
  TRY_STATUS(executor->allocate(plan));
  return executor;
}

Executor::Executor(const Model& model, Ops& ops, const MemoryPlan& plan)
    : model_(&model), ops_(&ops), block_size_(plan.kv.block_size), worker_([this] { compute(); }) {}

Status Executor::allocate(const MemoryPlan& plan) {
  const int64_t logprobs = plan.max_reqs * kLogprobColumns;
  TRY(kv, KvCache::allocate(plan.kv, *ops_));
  TRY(workspace, ops_->allocate(size(plan.activations)));
  TRY(inputs, ops_->allocate(size(step_input_bytes(plan.largest_step()))));
  TRY(sampled, ops_->allocate(size(bytes_for(DType::kI32, plan.max_reqs))));
  TRY(logprob_ids, ops_->allocate(size(bytes_for(DType::kI32, logprobs))));
  TRY(logprob_values, ops_->allocate(size(bytes_for(DType::kF32, logprobs))));
  TRY_STATUS(ops_->reserve(plan.scratch));
  kv_ = std::move(kv);
  workspace_ = std::move(workspace);
  arena_ = Arena(workspace_.data(), workspace_.bytes());
  inputs_ = std::move(inputs);
  sampled_ = std::move(sampled);
  logprob_ids_ = std::move(logprob_ids);
  logprobs_ = std::move(logprob_values);

  const int64_t hidden = plan.max_reqs * model_->config().hidden_size;
  host_inputs_.reserve(inputs_.bytes() / sizeof(int32_t));
  host_sampled_.reserve(size(plan.max_reqs));
  host_logprob_ids_.reserve(size(logprobs));
  host_logprobs_.reserve(size(logprobs));
  host_hidden_.reserve(size(bytes_for(ops_->activation_dtype(), hidden)));
  host_embeddings_.reserve(size(hidden));
  return {};
}

void Executor::launch(const BatchPlan& plan, const StepSampling& sampling) {
  CHECK(static_cast<int64_t>(sampling.params.size()) == plan.num_logit_rows);
  plan_ = &plan;
  sampling_ = &sampling;
  worker_.launch();
}

Result<StepResult> Executor::wait() {
  CHECK(plan_ != nullptr);
  worker_.wait();
  plan_ = nullptr;
  if (!status_.ok()) return status_.error();
  return StepResult{.sampled = host_sampled_,
                    .logprob_ids = host_logprob_ids_,
                    .logprobs = host_logprobs_,
                    .embeddings = host_embeddings_,
                    .seconds = seconds_};
}

void Executor::compute() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  try {
    status_ = compute_step();
  } catch (const std::bad_alloc&) {  // in a back end that takes memory as it computes
    status_ = Error{ErrorCode::kResourceExhausted, "out of memory"};
  }
  seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
}

Status Executor::compute_step() {
  fill_step_inputs(*plan_, block_size_, host_inputs_);
  const std::size_t input_bytes = host_inputs_.size() * sizeof(int32_t);
  CHECK(input_bytes <= inputs_.bytes());
  ops_->upload(inputs_.data(), host_inputs_.data(), input_bytes);

  const StepInputs inputs = step_inputs(step_shape(*plan_), block_size_, inputs_.data());
  arena_.reset();
  Step step{.ops = *ops_,
            .arena = arena_,
            .attention = inputs.attention,
            .ids = inputs.ids,
            .wanted_rows = inputs.wanted_rows,
            .kv = kv_.layers()};
  const TensorRef hidden = model_->forward(step);
  host_sampled_.clear();
  host_logprob_ids_.clear();
  host_logprobs_.clear();
  const int64_t logit_rows = plan_->num_logit_rows;
  if (logit_rows > 0) sample(model_->logits(step, hidden.row_slice(0, logit_rows)));
  download_embeddings(hidden.row_slice(logit_rows, plan_->num_embedding_rows));
  return ops_->synchronize();
}

void Executor::sample(const TensorRef& logits) {
  const int64_t rows = logits.rows();
  Sample op{.logits = logits,
            .params = sampling_->params,
            .adjustment_starts = sampling_->adjustment_starts,
            .adjustments = sampling_->adjustments,
            .ids = TensorRef::contiguous(sampled_.data(), DType::kI32, Shape{rows})};
  if (sampling_->wants_logprobs) {
    const Shape shape{rows, kLogprobColumns};
    op.logprob_ids = TensorRef::contiguous(logprob_ids_.data(), DType::kI32, shape);
    op.logprobs = TensorRef::contiguous(logprobs_.data(), DType::kF32, shape);
  }
  ops_->run(op);
  const auto download = [&](auto& host, const Buffer& device, int64_t count) {
    host.resize(size(count));
    ops_->download(host.data(), device.data(), host.size() * sizeof(host[0]));
  };
  download(host_sampled_, sampled_, rows);
  if (sampling_->wants_logprobs) {
    download(host_logprob_ids_, logprob_ids_, rows * kLogprobColumns);
    download(host_logprobs_, logprobs_, rows * kLogprobColumns);
  }
}

void Executor::download_embeddings(const TensorRef& hidden) {
  const int64_t count = hidden.shape.elements();
  host_embeddings_.resize(size(count));
  if (count == 0) return;
  host_hidden_.resize(size(bytes_for(hidden.dtype, count)));
  ops_->download(host_hidden_.data(), hidden.data, host_hidden_.size());
  decode(hidden.dtype, host_hidden_.data(), host_embeddings_.data(), count);
  for (int64_t row = 0; row < hidden.rows(); ++row) {
    normalize(std::span(host_embeddings_).subspan(size(row * hidden.cols()), size(hidden.cols())));
  }
}

}  // namespace chitu
