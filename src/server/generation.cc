#include "server/generation.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>
#include <new>
#include <thread>
#include <utility>

namespace chitu {

double steady_seconds() {
  using Seconds = std::chrono::duration<double>;
  return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void GenerationHub::deliver(std::vector<TokenEvent> events) {
  while (true) {
    try {
      return put(events);
    } catch (const std::bad_alloc&) {  // late is better than lost
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

// May be called again with what it has left when it throws.
void GenerationHub::put(std::vector<TokenEvent>& events) {
  const std::lock_guard lock(mutex_);
  if (inbox_.empty()) {
    inbox_.swap(events);
  } else {
    inbox_.reserve(inbox_.size() + events.size());
    std::move(events.begin(), events.end(), std::back_inserter(inbox_));
    events.clear();
  }
  if (posted_) return;
  asio::post(io_, [this] { dispatch(); });
  posted_ = true;
}

void GenerationHub::dispatch() {
  std::vector<TokenEvent> events;
  {
    const std::lock_guard lock(mutex_);
    events.swap(inbox_);
    posted_ = false;
  }
  for (TokenEvent& event : events) {
    const auto found = receivers_.find(event.id);
    if (found == receivers_.end()) continue;  // cancelled meanwhile
    Receiver& receiver = found->second;
    receiver.times.started = event.started;
    if (event.token >= 0) {
      metrics_.on_token(receiver.times, event.time);
      ++receiver.tokens;
    }
    Generation& generation = *receiver.generation;
    const int64_t choice = receiver.choice;
    if (event.finish != FinishReason::kNone) end(found, event.finish, event.time);
    try {
      generation.receive(choice, std::move(event));
    } catch (const std::bad_alloc&) {  // others still get theirs
      generation.fail();
    }
  }
}

void GenerationHub::end(std::unordered_map<RequestId, Receiver>::iterator receiver,
                        FinishReason reason, double now) {
  metrics_.on_end(receiver->second.times, receiver->second.tokens, reason, now);
  --receiver->second.generation->unfinished_;
  receivers_.erase(receiver);
}

Generation::Generation(GenerationHub& hub, Service& service, double arrival)
    : hub_(hub), service_(service), arrival_(arrival), changed_(hub.io_) {}

Generation::~Generation() { cancel_all(); }

Status Generation::submit(Request request) {
  // First, for once the engine has the request, nothing may be lost for want of memory.
  if (ids_.size() == ids_.capacity()) ids_.reserve(2 * ids_.size() + 1);
  TRY(id, service_.submit(std::move(request)));
  // Its first event is dispatched on this thread, so not before this returns.
  try {
    hub_.receivers_.emplace(id, GenerationHub::Receiver{.generation = this,
                                                        .choice = static_cast<int64_t>(ids_.size()),
                                                        .times = {.arrival = arrival_}});
  } catch (const std::bad_alloc&) {
    service_.cancel(id);
    return Error{ErrorCode::kResourceExhausted, "out of memory"};
  }
  ids_.push_back(id);
  ++unfinished_;
  return {};
}

asio::awaitable<void> Generation::wait(Clock::time_point deadline) {
  if (arrived_.empty() && !interrupted_ && !failed_) {
    changed_.expires_at(deadline);
    (void)co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (failed_) throw std::bad_alloc();
}

std::vector<ChoiceEvent> Generation::take() { return std::exchange(arrived_, {}); }

void Generation::receive(int64_t choice, TokenEvent event) {
  arrived_.push_back({.choice = choice, .event = std::move(event)});
  changed_.cancel();
}

void Generation::cancel(int64_t choice, FinishReason reason) {
  const RequestId id = ids_[static_cast<size_t>(choice)];
  const auto receiver = hub_.receivers_.find(id);
  if (receiver == hub_.receivers_.end()) return;
  service_.cancel(id);
  hub_.end(receiver, reason, steady_seconds());
}

void Generation::cancel_all() {
  for (size_t choice = 0; choice < ids_.size() && unfinished_ > 0; ++choice) {
    cancel(static_cast<int64_t>(choice), FinishReason::kCancelled);
  }
}

void Generation::interrupt() {
  interrupted_ = true;
  cancel_all();
  changed_.cancel();
}

void Generation::fail() {
  failed_ = true;
  cancel_all();
  changed_.cancel();
}

}  // namespace chitu
