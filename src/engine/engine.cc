#include "engine/engine.h"

#include <cmath>

#include "base/counted.h"

namespace chitu {
namespace {

Status check_sampling(const SamplingParams& sampling) {
  const auto error = [](std::string_view what, float value, std::string_view range) {
    return make_error(ErrorCode::kInvalidArgument, "{}={}: must be {}", what, value, range);
  };
  if (!std::isfinite(sampling.temperature) || sampling.temperature < 0) {
    return error("temperature", sampling.temperature, "0 or more");
  }
  if (sampling.top_k < 0) {
    return error("top_k", static_cast<float>(sampling.top_k), "0 (off) or more");
  }
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) {
    return error("top_p", sampling.top_p, "above 0 and at most 1");
  }
  if (!(sampling.min_p >= 0 && sampling.min_p <= 1)) {
    return error("min_p", sampling.min_p, "in [0, 1]");
  }
  return {};
}

SchedulerLimits scheduler_limits(const MemoryPlan& memory) {
  return {.max_sequences = memory.max_reqs,
          .max_step_tokens = memory.max_step_tokens,
          .block_size = memory.kv.block_size,
          .num_blocks = memory.kv.num_blocks};
}

}  // namespace

Engine::Engine(std::unique_ptr<Model> model, Executor executor, MemoryPlan memory)
    : model_(std::move(model)),
      memory_(std::move(memory)),
      executor_(std::move(executor)),
      scheduler_(scheduler_limits(memory_)) {
  const auto requests = static_cast<std::size_t>(memory_.max_reqs);
  scheduler_.reserve(plan_, memory_.max_seq_len);
  step_sampling_.reserve(requests);
  events_.reserve(requests);
}

Result<std::unique_ptr<Engine>> Engine::load(const Checkpoint& checkpoint, Ops& ops,
                                             const EngineOptions& options,
                                             const LoadOptions& load_options) {
  TRY(config, read_model_config(checkpoint));
  TRY(memory, plan_memory(checkpoint, config, ops, options));
  return load(checkpoint, ops, std::move(memory), load_options);
}

Result<std::unique_ptr<Engine>> Engine::load(const Checkpoint& checkpoint, Ops& ops,
                                             MemoryPlan memory, const LoadOptions& load_options) {
  TRY(config, read_model_config(checkpoint));
  TRY_STATUS(check_fits(memory, checkpoint, config, ops));
  TRY(model, load_model(checkpoint, config, ops, load_options));
  TRY(executor, Executor::create(*model, ops, memory));
  return std::unique_ptr<Engine>(
      new Engine(std::move(model), std::move(executor), std::move(memory)));
}

Result<RequestId> Engine::submit(Request request) {
  TRY_STATUS(check_sampling(request.sampling));
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= config().vocab_size) {
      return make_error(ErrorCode::kInvalidArgument,
                        "token {} is outside the model's vocabulary of {}", token,
                        config().vocab_size);
    }
  }
  const auto prompt_len = static_cast<int64_t>(request.prompt.size());
  const int64_t room = memory_.max_seq_len - prompt_len;
  if (room < 1) {
    return make_error(ErrorCode::kInvalidArgument,
                      "the prompt has {}, but infer.max_seq_len={} has to hold it and at "
                      "least one token of the answer",
                      counted(prompt_len, "token"), memory_.max_seq_len);
  }
  const int64_t answer_len =
      request.max_new_tokens <= 0 ? room : std::min(request.max_new_tokens, room);
  Sequence sequence{.id = RequestId{next_id_},
                    .tokens = std::move(request.prompt),
                    .max_tokens = prompt_len + answer_len,
                    .stop_tokens = std::move(request.stop_tokens)};
  if (!request.ignore_eos) {
    for (const int64_t token : config().eos_token_ids) {
      sequence.stop_tokens.push_back(static_cast<int32_t>(token));
    }
  }
  TRY_STATUS(scheduler_.add(std::move(sequence)));
  const RequestId id{next_id_++};
  sampling_[id] = request.sampling;
  return id;
}

bool Engine::cancel(RequestId id) {
  sampling_.erase(id);
  return scheduler_.cancel(id);
}

Result<std::span<const TokenEvent>> Engine::step() {
  events_.clear();
  scheduler_.plan(0, memory_.max_step_tokens, plan_);
  if (plan_.empty()) return std::span<const TokenEvent>();

  step_sampling_.clear();
  for (const PlannedSequence& sequence : plan_.sequences) {
    if (sequence.wants != Wants::kLogits) continue;
    SamplingParams& sampling = sampling_.at(sequence.id);
    step_sampling_.push_back(sampling);
    ++sampling.draw;
  }
  TRY(sampled, executor_.execute(plan_, step_sampling_));
  scheduler_.commit(plan_, sampled, events_);
  for (const TokenEvent& event : events_) {
    if (event.finish != FinishReason::kNone) sampling_.erase(event.id);
  }
  return std::span<const TokenEvent>(events_);
}

Result<FinishReason> generate(Engine& engine, Request request,
                              const std::function<bool(int32_t token)>& on_token) {
  TRY(id, engine.submit(std::move(request)));
  const RequestScope scope(engine, id);
  while (true) {
    TRY(events, engine.step());
    for (const TokenEvent& event : events) {
      if (event.id != id) continue;
      if (!on_token(event.token) && event.finish == FinishReason::kNone) {
        return FinishReason::kCancelled;
      }
      if (event.finish != FinishReason::kNone) return event.finish;
    }
  }
}

}  // namespace chitu
