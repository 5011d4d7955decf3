// An engine that runs by itself: any thread submits requests and cancels them, a thread of the
// service's own computes them, and their tokens are handed on as they come.
//
//   Service service(*engine, {.max_queue = 64}, [&](std::vector<TokenEvent> events) { ... });
//   TRY(id, service.submit({.prompt = tokens, .max_new_tokens = 100}));
//
// The thread sleeps while there is nothing to do. A step that fails ends the requests it computed
// with kError, and the service goes on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/request.h"

namespace chitu {

enum class ServiceState : uint8_t {
  kLoading,   // for those who have no service yet
  kReady,     // takes requests
  kDraining,  // takes none any more
  kFailed,    // the last step failed, a moment ago; takes requests, for the next may work
};

std::string_view name(ServiceState state);  // "ready"

struct ServiceOptions {
  int64_t max_queue = 1024;  // requests beyond the max_reqs that are computed at the same time
  // The state is kFailed for so long after a step failed, unless one succeeds. Not for ever: as
  // long as a load balancer sends nothing because of it, no step can succeed.
  double failed_seconds = 10;
};

struct ServiceStats {
  ServiceState state = ServiceState::kReady;
  SchedulerStats scheduler;
  // Requests submitted and not ended, those of which the engine has not yet heard included.
  int64_t requests = 0;
  // Since the beginning.
  EngineStats engine;
};

class Service {
 public:
  // Called on the service's thread with at least one event: once for the events of a step, and once
  // for a request for which memory was refused when its turn came. Must not block and must not
  // throw. Requests that were cancelled may still have an event.
  using OnEvents = std::function<void(std::vector<TokenEvent>)>;

  // `engine` must outlive the service, and nobody else may use it meanwhile.
  Service(Engine& engine, const ServiceOptions& options, OnEvents on_events);
  // Ends every request that is left with kCancelled.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // The rest may be called on any thread, on_events' included.

  // Errors: as Engine::submit()'s; kResourceExhausted when as many requests wait as may;
  // kCancelled when the service drains. An event of the request may come before this returns.
  Result<RequestId> submit(Request request);
  // Ends a request when the step that is being computed ends, and before the next one begins;
  // what it holds is released then, and it gets no event for that. Without effect when it has ended
  // already.
  void cancel(RequestId id);
  // Refuses new requests from now on; those there are go on to their ends.
  void drain();

  // Requests that may be there at the same time: those that are computed and those that wait.
  int64_t capacity() const { return engine_.memory().max_reqs + options_.max_queue; }
  ServiceStats stats() const;
  // Seconds since the thread last began or ended a step; 0 while it has nothing to do.
  double heartbeat_age() const;
  // "step 1234: 16 decode rows, 1 prompt chunk of 256 tokens, since 12.3 s", or "idle".
  std::string now_doing() const;

 private:
  class Place;
  // What other threads leave for the service's own.
  struct Inbox {
    std::vector<PreparedRequest> submitted;
    std::vector<RequestId> cancelled;

    bool empty() const { return submitted.empty() && cancelled.empty(); }
  };

  // The service's thread.
  void run();
  bool take_inbox();
  void handle_inbox();
  void deliver(std::span<TokenEvent> events);
  void publish();
  void end_all();

  bool sleeps() const;  // REQUIRES: mutex_

  Engine& engine_;
  const ServiceOptions options_;
  const OnEvents on_events_;
  Inbox taken_;  // by the thread

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  Inbox inbox_;
  int64_t requests_ = 0;  // submitted and not ended
  SchedulerStats scheduler_stats_;
  EngineStats engine_stats_;
  StepLoad doing_;            // the step that is being computed
  double heartbeat_ = 0;      // when it began, or when the sleeping thread got something to do
  double failed_at_ = 0;      // when the last step that ended failed
  bool last_failed_ = false;  // it did
  bool has_work_ = false;
  bool draining_ = false;
  bool stopping_ = false;

  std::thread thread_;  // the last member: it uses the others
};

}  // namespace chitu
