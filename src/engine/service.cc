#include "engine/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <utility>

#include "base/counted.h"

namespace chitu {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string_view name(ServiceState state) {
  switch (state) {
    case ServiceState::kLoading:
      return "loading";
    case ServiceState::kReady:
      return "ready";
    case ServiceState::kDraining:
      return "draining";
    case ServiceState::kFailed:
      return "failed";
  }
  return "";
}

Service::Service(Engine& engine, const ServiceOptions& options, OnEvents on_events)
    : engine_(engine),
      options_(options),
      on_events_(std::move(on_events)),
      scheduler_stats_(engine.scheduler_stats()),
      thread_([this] { run(); }) {}

Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

// A place among the requests there may be, which is given back unless it is kept.
class Service::Place {
 public:
  // REQUIRES: service.mutex_
  explicit Place(Service& service) : service_(service) { ++service_.requests_; }
  ~Place() {
    if (kept_) return;
    const std::lock_guard lock(service_.mutex_);
    --service_.requests_;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  void keep() { kept_ = true; }

 private:
  Service& service_;
  bool kept_ = false;
};

Result<RequestId> Service::submit(Request request) {
  std::optional<Place> place;
  {
    const std::lock_guard lock(mutex_);
    if (draining_) return make_error(ErrorCode::kCancelled, "the service is shutting down");
    if (requests_ >= capacity()) {
      return make_error(ErrorCode::kResourceExhausted,
                        "{} are being answered, and as many wait as serve.max_queue={} allows",
                        counted(engine_.memory().max_reqs, "request"), options_.max_queue);
    }
    place.emplace(*this);
  }
  TRY(prepared, engine_.prepare(std::move(request)));
  const RequestId id = prepared.sequence.id;
  const std::lock_guard lock(mutex_);
  if (sleeps()) heartbeat_ = now();
  try {
    inbox_.submitted.push_back(std::move(prepared));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, "out of memory"};
  }
  place->keep();
  wake_.notify_one();
  return id;
}

void Service::cancel(RequestId id) {
  const std::lock_guard lock(mutex_);
  if (sleeps()) heartbeat_ = now();
  try {
    inbox_.cancelled.push_back(id);
  } catch (const std::bad_alloc&) {
    return;  // the request goes on to its end
  }
  wake_.notify_one();
}

void Service::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

ServiceStats Service::stats() const {
  const std::lock_guard lock(mutex_);
  const bool failed = last_failed_ && now() - failed_at_ < options_.failed_seconds;
  ServiceState state = failed ? ServiceState::kFailed : ServiceState::kReady;
  if (draining_) state = ServiceState::kDraining;
  return {.state = state,
          .scheduler = scheduler_stats_,
          .requests = requests_,
          .engine = engine_stats_};
}

double Service::heartbeat_age() const {
  const std::lock_guard lock(mutex_);
  return sleeps() ? 0 : std::max(now() - heartbeat_, 0.0);
}

std::string Service::now_doing() const {
  const std::lock_guard lock(mutex_);
  if (sleeps()) return "idle";
  return fmt::format("step {}: {}, {} of prompts, since {:.1f} s",
                     engine_stats_.steps + engine_stats_.failed_steps + 1,
                     counted(doing_.decode_rows, "decode row"),
                     counted(doing_.prefill_tokens, "token"), now() - heartbeat_);
}

bool Service::sleeps() const { return !has_work_ && inbox_.empty(); }

// What came while a step was computed is heard of before the next one begins; what a step has made
// is delivered while the next one is computed.
void Service::run() {
  std::span<TokenEvent> events = engine_.end_step();
  while (take_inbox()) {
    handle_inbox();
    engine_.begin_step();
    publish();
    deliver(events);
    events = engine_.end_step();
  }
  deliver(events);
  end_all();
}

// Sleeps until there is something to do. False: the service ends.
bool Service::take_inbox() {
  std::unique_lock lock(mutex_);
  if (sleeps()) {
    wake_.wait(lock, [&] { return stopping_ || !inbox_.empty(); });
  }
  std::swap(inbox_, taken_);
  has_work_ = true;
  return !stopping_;
}

void Service::handle_inbox() {
  for (PreparedRequest& request : taken_.submitted) {
    const RequestId id = request.sequence.id;
    const Status added = engine_.add(std::move(request));
    if (added.ok()) continue;
    TokenEvent event{.id = id, .finish = FinishReason::kError, .time = now()};
    event.error = added.error().message;
    deliver({&event, 1});
  }
  int64_t ended = 0;
  for (const RequestId id : taken_.cancelled) ended += engine_.cancel(id) ? 1 : 0;
  taken_.submitted.clear();
  taken_.cancelled.clear();
  const std::lock_guard lock(mutex_);
  requests_ -= ended;
}

void Service::publish() {
  const std::lock_guard lock(mutex_);
  const EngineStats& stats = engine_.stats();
  if (stats.failed_steps != engine_stats_.failed_steps) {
    last_failed_ = true;
    failed_at_ = now();
  } else if (stats.steps != engine_stats_.steps) {
    last_failed_ = false;
  }
  engine_stats_ = stats;
  scheduler_stats_ = engine_.scheduler_stats();
  doing_ = engine_.doing();
  heartbeat_ = now();
  has_work_ = engine_.has_work() || doing_ != StepLoad{};
}

void Service::deliver(std::span<TokenEvent> events) {
  if (events.empty()) return;
  std::vector<TokenEvent> owned;
  while (true) {
    try {
      owned.reserve(events.size());
      break;
    } catch (const std::bad_alloc&) {  // late is better than lost
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  const auto ended = std::count_if(events.begin(), events.end(), [](const TokenEvent& event) {
    return event.finish != FinishReason::kNone;
  });
  std::move(events.begin(), events.end(), std::back_inserter(owned));
  {
    const std::lock_guard lock(mutex_);
    requests_ -= ended;
  }
  on_events_(std::move(owned));
}

void Service::end_all() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    std::move(inbox_.submitted.begin(), inbox_.submitted.end(),
              std::back_inserter(taken_.submitted));
    inbox_.submitted.clear();
  }
  std::vector<TokenEvent> events;
  const auto cancelled = [&](RequestId id) {
    events.push_back({.id = id, .finish = FinishReason::kCancelled, .time = now()});
  };
  for (const RequestId id : engine_.requests()) {
    engine_.cancel(id);
    cancelled(id);
  }
  for (const PreparedRequest& request : taken_.submitted) cancelled(request.sequence.id);
  engine_.begin_step();  // nothing is left of it
  deliver(events);
}

}  // namespace chitu
