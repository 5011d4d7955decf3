// The library's face: a loaded model that answers requests, step by step.
//
//   TRY(engine, Engine::load(checkpoint, *ops, {.max_seq_len = 2048}));
//   TRY(id, engine->submit({.prompt = tokens, .max_new_tokens = 100}));
//   while (engine->has_work()) {
//     TRY(events, engine->step());
//     for (const TokenEvent& event : events) ...
//   }
//
// The caller drives it from one thread at a time. generate() is the short form for one request.
#pragma once

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
#include "model/load.h"
#include "model/model.h"
#include "ops/descs.h"
#include "sched/scheduler.h"

namespace chitu {

using RequestId = SequenceId;
using TokenEvent = SequenceEvent;  // the token, and why the request ended with it, if it did

struct Request {
  std::vector<int32_t> prompt;       // token ids, at least one
  int64_t max_new_tokens = 0;        // 0: as many as fit into max_seq_len
  SamplingParams sampling;           // `draw` counts by itself
  std::vector<int32_t> stop_tokens;  // beside the model's own end tokens
  bool ignore_eos = false;           // the model's own end tokens do not end the answer
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
                                              const LoadOptions& load_options = {});

  const ModelConfig& config() const { return model_->config(); }
  const MemoryPlan& memory() const { return memory_; }

  // Queues a request. Errors: kInvalidArgument for an empty prompt, a token outside the vocabulary,
  // sampling parameters out of range, or a prompt longer than max_seq_len - 1 tokens.
  Result<RequestId> submit(Request request);
  // Ends a request without a further event; false when it has ended already.
  bool cancel(RequestId id);

  bool has_work() const { return scheduler_.has_work(); }

  // Computes one step; without work it returns at once. One event for every request that got a
  // token; valid until the next call.
  Result<std::span<const TokenEvent>> step();

 private:
  Engine(std::unique_ptr<Model> model, Executor executor, MemoryPlan memory);

  std::unique_ptr<Model> model_;
  MemoryPlan memory_;
  Executor executor_;
  Scheduler scheduler_;
  std::unordered_map<RequestId, SamplingParams> sampling_;  // of the requests that have not ended
  int64_t next_id_ = 0;

  // Reused by step(), with room for the largest: a step allocates nothing.
  BatchPlan plan_;
  std::vector<SamplingParams> step_sampling_;
  std::vector<TokenEvent> events_;
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

// Runs one request to its end and calls on_token for each token (a stop token included); false from
// on_token cancels. Other requests of the engine advance too, but their events are lost.
Result<FinishReason> generate(Engine& engine, Request request,
                              const std::function<bool(int32_t token)>& on_token);

}  // namespace chitu
