#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "base/check.h"
#include "base/counted.h"

namespace chitu {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

SchedulerLimits scheduler_limits(const MemoryPlan& memory, const SchedulingOptions& options,
                                 const ModelConfig& config) {
  // Dynamic NTK turns keys by the length of the prompt. A block that holds a whole sequence is
  // never full before the sequence ends.
  const bool prefixes_are_alike = config.rope.scaling != RopeConfig::Scaling::kDynamicNtk;
  return {
      .max_sequences = memory.max_reqs,
      .max_step_tokens = memory.max_step_tokens,
      .block_size = memory.kv.block_size,
      .num_blocks = memory.kv.num_blocks,
      .max_step_sequences = options.max_step_sequences,
      .prefix_cache = options.prefix_cache && prefixes_are_alike && memory.blocks_per_sequence > 1,
      .hybrid = options.hybrid,
      .policy = options.policy};
}

Status check_tokens(const std::vector<int32_t>& tokens, int64_t vocab_size) {
  for (const int32_t token : tokens) {
    if (token >= 0 && token < vocab_size) continue;
    return make_error(ErrorCode::kInvalidArgument,
                      "token {} is outside the model's vocabulary of {}", token, vocab_size);
  }
  return {};
}

// No std::string of these takes memory.
constexpr const char* kNoMemory = "out of memory";
constexpr const char* kStepFailed = "a step failed";

// What row `row` of a step says of its token's probability.
void read_logprobs(const StepResult& result, std::size_t row, int32_t top,
                   std::vector<TokenLogprob>& logprobs) {
  constexpr std::size_t kColumns = 1 + kMaxTopLogprobs;
  const auto ids = result.logprob_ids.subspan(row * kColumns, kColumns);
  const auto values = result.logprobs.subspan(row * kColumns, kColumns);
  const auto count = static_cast<std::size_t>(top) + 1;
  logprobs.reserve(count);
  for (std::size_t i = 0; i < count && ids[i] >= 0; ++i) logprobs.push_back({ids[i], values[i]});
}

}  // namespace

Engine::Engine(std::unique_ptr<Model> model, std::unique_ptr<Executor> executor, MemoryPlan memory,
               const SchedulingOptions& scheduling)
    : model_(std::move(model)),
      memory_(std::move(memory)),
      scheduling_(scheduling),
      scheduler_(scheduler_limits(memory_, scheduling, model_->config())),
      executor_(std::move(executor)) {
  const auto requests = static_cast<std::size_t>(memory_.max_reqs);
  scheduler_.reserve(current_, memory_.max_seq_len);
  scheduler_.reserve(next_, memory_.max_seq_len);
  step_sampling_.params.reserve(requests);
  step_sampling_.adjustment_starts.reserve(requests + 1);
  sequence_events_.reserve(requests);
  events_.reserve(requests);
}

Result<std::unique_ptr<Engine>> Engine::load(const Checkpoint& checkpoint, Ops& ops,
                                             const EngineOptions& options,
                                             const LoadOptions& load_options) {
  TRY(config, read_model_config(checkpoint));
  TRY(memory, plan_memory(checkpoint, config, ops, options));
  return load(checkpoint, ops, std::move(memory), options.scheduling, load_options);
}

Result<std::unique_ptr<Engine>> Engine::load(const Checkpoint& checkpoint, Ops& ops,
                                             MemoryPlan memory, const SchedulingOptions& scheduling,
                                             const LoadOptions& load_options) {
  TRY(config, read_model_config(checkpoint));
  TRY_STATUS(check_fits(memory, checkpoint, config, ops));
  TRY(model, load_model(checkpoint, config, ops, load_options));
  TRY(executor, Executor::create(*model, ops, memory));
  return std::unique_ptr<Engine>(
      new Engine(std::move(model), std::move(executor), std::move(memory), scheduling));
}

Result<RequestId> Engine::submit(Request request) {
  TRY(prepared, prepare(std::move(request)));
  const RequestId id = prepared.sequence.id;
  TRY_STATUS(add(std::move(prepared)));
  return id;
}

Result<PreparedRequest> Engine::prepare(Request request) {
  try {
    TRY_STATUS(check(request));
    return prepared(std::move(request));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, kNoMemory};
  }
}

Status Engine::check(const Request& request) const {
  TRY_STATUS(check_sampling(request.sampling, config().vocab_size));
  TRY_STATUS(check_tokens(request.prompt, config().vocab_size));
  if (request.prompt.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "the prompt has no tokens");
  }
  const auto prompt_len = static_cast<int64_t>(request.prompt.size());
  const int64_t room = memory_.max_seq_len - prompt_len;
  if (room < (request.embed ? 0 : 1)) {
    return make_error(
        ErrorCode::kInvalidArgument, "the prompt has {}, but infer.max_seq_len={} {}",
        counted(prompt_len, "token"), memory_.max_seq_len,
        request.embed ? "has to hold it" : "has to hold it and at least one token of the answer");
  }
  if (request.min_tokens < 0) {
    return make_error(ErrorCode::kInvalidArgument, "min_tokens={}: must be 0 or more",
                      request.min_tokens);
  }
  return {};
}

// REQUIRES: check(request).ok()
PreparedRequest Engine::prepared(Request request) {
  const auto prompt_len = static_cast<int64_t>(request.prompt.size());
  int64_t answer_len = request.embed ? 0 : memory_.max_seq_len - prompt_len;
  if (request.max_new_tokens > 0) answer_len = std::min(request.max_new_tokens, answer_len);
  Sequence sequence{.id = RequestId{next_id_++},
                    .tokens = std::move(request.prompt),
                    .max_tokens = prompt_len + answer_len,
                    .stop_tokens = std::move(request.stop_tokens),
                    .min_tokens = std::min(request.min_tokens, answer_len),
                    .kind = request.embed ? SequenceKind::kEmbed : SequenceKind::kGenerate,
                    .arrival = now(),
                    .priority = request.priority,
                    .cache_salt = std::move(request.cache_salt)};
  sequence.deadline = sequence.arrival + request.deadline;
  if (!request.ignore_eos) {
    for (const int64_t token : config().eos_token_ids) {
      sequence.stop_tokens.push_back(static_cast<int32_t>(token));
    }
  }
  SamplingState sampling(request.sampling, {.prompt = sequence.tokens,
                                            .stop_tokens = sequence.stop_tokens,
                                            .min_tokens = sequence.min_tokens,
                                            .max_tokens = answer_len,
                                            .vocab_size = config().vocab_size});
  sequence.tokens.reserve(static_cast<std::size_t>(sequence.max_tokens));
  return {std::move(sequence), std::move(sampling)};
}

Status Engine::add(PreparedRequest request) {
  const RequestId id = request.sequence.id;
  const int64_t adjustments = max_adjustments_ + request.sampling.max_adjustments();
  try {
    // The step that is being computed reads the present ones.
    if (static_cast<std::size_t>(adjustments) >
        std::max(larger_adjustments_.capacity(), step_sampling_.adjustments.capacity())) {
      larger_adjustments_.reserve(static_cast<std::size_t>(2 * adjustments));
    }
    sampling_.emplace(id, std::move(request.sampling));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, kNoMemory};
  }
  max_adjustments_ = adjustments;
  Status added = scheduler_.add(std::move(request.sequence));
  if (!added.ok()) end(id);
  return added;
}

bool Engine::cancel(RequestId id) {
  end(id);
  return scheduler_.cancel(id);
}

std::vector<RequestId> Engine::requests() const {
  std::vector<RequestId> ids;
  for (const auto& [id, state] : sampling_) ids.push_back(id);
  return ids;
}

std::span<TokenEvent> Engine::step() {
  end_step();
  begin_step();
  return events_;  // which the caller sees to while the step is computed
}

std::span<TokenEvent> Engine::end_step() {
  events_.clear();
  scheduler_.plan(now(), prompt_chunk(), next_);  // while the last step is computed
  if (!current_.empty()) {
    const Result<StepResult> done = executor_->wait();
    done.ok() ? commit(*done) : fail(done.error());
    current_.clear();
  }
  return events_;
}

void Engine::begin_step() {
  CHECK(current_.empty());
  scheduler_.finalize(next_);
  scheduler_.top_up(now(), prompt_chunk(), next_);  // for those that came since it was planned
  std::swap(current_, next_);
  if (!current_.empty()) launch();
}

// Prompts are computed in chunks that keep the time between the tokens of others within bounds.
int64_t Engine::prompt_chunk() const {
  const StepLoad decoding = scheduler_.decoding();
  const double budget =
      scheduling_.itl_budget > 0 ? scheduling_.itl_budget : step_times_.auto_budget(decoding);
  return step_times_.prefill_tokens(budget, decoding, scheduler_.prompt_position(),
                                    memory_.max_step_tokens);
}

void Engine::commit(const StepResult& result) {
  step_times_.observe(load_of(current_), result.seconds);
  count(current_, result.seconds);
  sequence_events_.clear();
  scheduler_.commit(current_, result.sampled, sequence_events_);
  publish(result);
}

void Engine::fail(const Error& error) {
  ++stats_.failed_steps;
  sequence_events_.clear();
  scheduler_.fail(current_, sequence_events_);
  for (const SequenceEvent& event : sequence_events_) {
    end(event.id);
    events_.push_back({.id = event.id, .finish = event.finish, .time = now()});
    try {
      events_.back().error = error.message;
    } catch (const std::bad_alloc&) {
      events_.back().error = kStepFailed;
    }
  }
}

void Engine::count(const BatchPlan& done, double seconds) {
  ++stats_.steps;
  stats_.seconds += seconds;
  stats_.last_step_seconds = seconds;
  stats_.generated_tokens += done.num_logit_rows;
  for (const PlannedSequence& planned : done.sequences) {
    const int64_t prompt_left = std::max<int64_t>(planned.prompt_len - planned.first_position, 0);
    stats_.prompt_tokens += std::min(planned.num_tokens, prompt_left);
  }
}

// The events come in the order of the plan's sequences, without those that were cancelled.
void Engine::publish(const StepResult& result) {
  const double time = now();
  const auto hidden_size = static_cast<std::size_t>(config().hidden_size);
  std::size_t logit_row = 0;
  std::size_t embedding_row = 0;
  auto event = sequence_events_.begin();
  for (const PlannedSequence& planned : current_.sequences) {
    if (planned.wants == Wants::kNothing) continue;
    const std::size_t row = planned.wants == Wants::kLogits ? logit_row++ : embedding_row++;
    if (event == sequence_events_.end() || event->id != planned.id) continue;
    TokenEvent& published = events_.emplace_back(TokenEvent{.id = event->id,
                                                            .token = event->token,
                                                            .finish = event->finish,
                                                            .cached_tokens = event->cached_tokens,
                                                            .time = time,
                                                            .started = event->started});
    ++event;
    SamplingState& sampling = sampling_.at(published.id);
    try {
      if (planned.wants == Wants::kEmbedding) {
        const auto values = result.embeddings.subspan(row * hidden_size, hidden_size);
        published.embedding.assign(values.begin(), values.end());
      } else {
        const int32_t top = sampling.params().top_logprobs;
        if (top >= 0) read_logprobs(result, row, top, published.logprobs);
        sampling.append(published.token);
      }
    } catch (const std::bad_alloc&) {
      scheduler_.cancel(published.id);
      published.finish = FinishReason::kError;
      published.error = kNoMemory;
    }
    if (published.finish != FinishReason::kNone) end(published.id);
  }
}

void Engine::end(RequestId id) {
  const auto found = sampling_.find(id);
  if (found == sampling_.end()) return;
  max_adjustments_ -= found->second.max_adjustments();
  sampling_.erase(found);
}

void Engine::launch() {
  if (larger_adjustments_.capacity() > step_sampling_.adjustments.capacity()) {
    std::swap(larger_adjustments_, step_sampling_.adjustments);
  }
  step_sampling_.clear();
  for (const PlannedSequence& planned : current_.sequences) {
    if (planned.wants != Wants::kLogits) continue;
    const SamplingState& sampling = sampling_.at(planned.id);
    step_sampling_.params.push_back(sampling.params());
    sampling.append_adjustments(step_sampling_.adjustments);
    step_sampling_.adjustment_starts.push_back(
        static_cast<int32_t>(step_sampling_.adjustments.size()));
    step_sampling_.wants_logprobs |= sampling.params().top_logprobs >= 0;
  }
  executor_->launch(current_, step_sampling_);
}

Status first_error(std::span<const TokenEvent> events) {
  for (const TokenEvent& event : events) {
    if (event.finish == FinishReason::kError) return Error{ErrorCode::kInternal, event.error};
  }
  return {};
}

Result<FinishReason> generate(Engine& engine, Request request,
                              const std::function<bool(int32_t token)>& on_token) {
  TRY(id, engine.submit(std::move(request)));
  const RequestScope scope(engine, id);
  while (true) {
    const std::span<TokenEvent> events = engine.step();
    TRY_STATUS(first_error(events));
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
