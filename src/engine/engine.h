// The library's face: a loaded model that answers requests, step by step.
//
//   TRY(engine, Engine::load(checkpoint, *ops, {.max_seq_len = 2048}));
//   TRY(id, engine->submit({.prompt = tokens, .max_new_tokens = 100}));
//   while (engine->has_work()) {
//     for (const TokenEvent& event : engine->step()) ...
//   }
//
// The caller drives it from one thread at a time. generate() is the short form for one request;
// Service (service.h) drives it on a thread of its own for many callers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/executor.h"
#include "engine/memory_plan.h"
#include "engine/options.h"
#include "engine/request.h"
#include "engine/sampling_state.h"
#include "model/load.h"
#include "model/model.h"
#include "sched/scheduler.h"
#include "sched/step_time_model.h"

namespace chitu {

// A request that was found valid, ready to be queued.
struct PreparedRequest {
  Sequence sequence;
  SamplingState sampling;
};

// Since the beginning.
struct EngineStats {
  int64_t steps = 0;
  int64_t failed_steps = 0;
  int64_t prompt_tokens = 0;     // computed, those recomputed after a preemption included
  int64_t generated_tokens = 0;  // sampled
  double seconds = 0;            // of all steps together
  double last_step_seconds = 0;
};

class Engine {
 public:
  // Plans the memory, refuses what does not fit (memory_plan.h), loads the weights. The checkpoint
  // may be closed afterwards; `ops` must outlive the engine.
  static Result<std::unique_ptr<Engine>> load(const Checkpoint& checkpoint, Ops& ops,
                                              const EngineOptions& options,
                                              const LoadOptions& load_options = {});
  // The same with a plan that is made already: plan_memory() of this checkpoint and `ops`.
  static Result<std::unique_ptr<Engine>> load(const Checkpoint& checkpoint, Ops& ops,
                                              MemoryPlan memory,
                                              const SchedulingOptions& scheduling = {},
                                              const LoadOptions& load_options = {});

  const ModelConfig& config() const { return model_->config(); }
  const MemoryPlan& memory() const { return memory_; }

  // Queues a request. Errors: kInvalidArgument for an empty prompt, a token outside the vocabulary,
  // sampling options out of range, or a prompt longer than max_seq_len - 1 tokens;
  // kResourceExhausted when the whole KV cache could not hold it, or memory was refused.
  Result<RequestId> submit(Request request);
  // Ends a request without a further event; false when it has ended already.
  bool cancel(RequestId id);

  // submit() in two: prepare() validates and takes memory, on any thread; add() is done soon.
  Result<PreparedRequest> prepare(Request request);
  Status add(PreparedRequest request);

  bool has_work() const { return scheduler_.has_work(); }

  // Waits for the step that is being computed, begins the next one, and returns what the first has
  // made of its requests: one event for each that got a token, an embedding, or an error. A step
  // that fails ends its requests with kError. The events may be moved from, and are valid until the
  // next call. While the caller sees to them, the next step is computed.
  std::span<TokenEvent> step();
  // step() in two, for a caller that hears of more while a step is computed: end_step() waits for
  // it and returns its events, begin_step() begins the next. Who is submitted or cancelled in
  // between is in the next step, or out of it. REQUIRES: in turns, end_step() first.
  std::span<TokenEvent> end_step();
  void begin_step();

  // The step that is being computed; nothing in it: none is.
  StepLoad doing() const { return load_of(current_); }
  // Those that have not ended.
  std::vector<RequestId> requests() const;
  SchedulerStats scheduler_stats() const { return scheduler_.stats(); }
  const EngineStats& stats() const { return stats_; }

 private:
  Engine(std::unique_ptr<Model> model, std::unique_ptr<Executor> executor, MemoryPlan memory,
         const SchedulingOptions& scheduling);

  Status check(const Request& request) const;
  PreparedRequest prepared(Request request);
  int64_t prompt_chunk() const;
  // Of the step that is being computed, once it is done.
  void commit(const StepResult& result);
  void fail(const Error& error);
  void count(const BatchPlan& done, double seconds);
  void publish(const StepResult& result);
  void end(RequestId id);
  // Of current_.
  void launch();

  std::unique_ptr<Model> model_;
  MemoryPlan memory_;
  SchedulingOptions scheduling_;
  Scheduler scheduler_;
  StepTimeModel step_times_;
  EngineStats stats_;
  std::unordered_map<RequestId, SamplingState> sampling_;  // of the requests that have not ended
  int64_t max_adjustments_ = 0;                            // of them all
  std::atomic<int64_t> next_id_{0};

  // Reused by step(), with room for the largest: a step allocates nothing, but for the events of
  // those who asked for more than a token.
  BatchPlan current_;                                // the step that is being computed; empty: none
  BatchPlan next_;                                   // from end_step() to begin_step()
  StepSampling step_sampling_;                       // of current_
  std::vector<LogitAdjustment> larger_adjustments_;  // takes the place of step_sampling_'s
  std::vector<SequenceEvent> sequence_events_;
  std::vector<TokenEvent> events_;
  // Ends first: its worker may still be computing current_.
  std::unique_ptr<Executor> executor_;
};

// Ends its request when it goes out of scope, whatever the reason, unless the request has ended.
class RequestScope {
 public:
  RequestScope(Engine& engine, RequestId id) : engine_(engine), id_(id) {}
  ~RequestScope() { engine_.cancel(id_); }
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

 private:
  Engine& engine_;
  RequestId id_;
};

// What the first event that has an error says.
Status first_error(std::span<const TokenEvent> events);

// Runs one request to its end and calls on_token for each token (a stop token included); false from
// on_token cancels. Other requests of the engine advance too, but their events are lost.
Result<FinishReason> generate(Engine& engine, Request request,
                              const std::function<bool(int32_t token)>& on_token);

}  // namespace chitu
