// From an HTTP request to the engine and back: tokens come from the engine's thread once a step,
// and go to whoever waits for them on the io thread.
//
//   Generation generation(hub, arrival);
//   TRY_STATUS(generation.submit(request));        // choice 0; again for choice 1, ...
//   while (generation.unfinished() > 0) {
//     co_await generation.wait(deadline);
//     for (ChoiceEvent& arrived : generation.take()) ...
//   }
//
// Everything but GenerationHub::deliver() is used on the io thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/service.h"
#include "server/metrics.h"

namespace chitu {

namespace asio = boost::asio;

class Generation;

// Knows who waits for which request of the engine.
class GenerationHub {
 public:
  // Both must outlive the hub.
  GenerationHub(asio::io_context& io, Metrics& metrics) : io_(io), metrics_(metrics) {}

  // Any thread: what Service calls with the events of a step. One post to the io thread, and not
  // even that while an earlier one waits. Throws nothing.
  void deliver(std::vector<TokenEvent> events);

  int64_t active() const { return static_cast<int64_t>(receivers_.size()); }

 private:
  friend class Generation;

  struct Receiver {
    Generation* generation = nullptr;
    int64_t choice = 0;
    GenerationTimes times;
    int64_t tokens = 0;
  };

  void put(std::vector<TokenEvent>& events);
  void dispatch();
  void end(std::unordered_map<RequestId, Receiver>::iterator receiver, FinishReason reason,
           double now);

  asio::io_context& io_;
  Metrics& metrics_;
  std::unordered_map<RequestId, Receiver> receivers_;

  std::mutex mutex_;  // of what follows
  std::vector<TokenEvent> inbox_;
  bool posted_ = false;  // dispatch() will come
};

struct ChoiceEvent {
  int64_t choice = 0;
  TokenEvent event;
};

// The sequences of tokens that one HTTP request asks for, its choices.
class Generation {
 public:
  using Clock = std::chrono::steady_clock;

  // `arrival`: when the HTTP request came. The hub and the service must outlive the object.
  Generation(GenerationHub& hub, Service& service, double arrival);
  // Cancels what has not ended.
  ~Generation();
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  // Begins the next choice. Errors: as Service::submit()'s. After an error or std::bad_alloc
  // nothing of it goes on.
  Status submit(Request request);

  // Returns when there are events to take, or after interrupt(), at the latest at `deadline`.
  // Throws std::bad_alloc when there was no memory for an event.
  asio::awaitable<void> wait(Clock::time_point deadline);
  // The events that have come since the last call, in their order.
  std::vector<ChoiceEvent> take();

  // Ends one choice; nothing comes of it any more. `reason` is for the statistics.
  void cancel(int64_t choice, FinishReason reason);
  void cancel_all();
  // cancel_all(), and wakes who waits.
  void interrupt();
  bool interrupted() const { return interrupted_; }

  int64_t unfinished() const { return unfinished_; }

 private:
  friend class GenerationHub;

  void receive(int64_t choice, TokenEvent event);
  void fail();

  GenerationHub& hub_;
  Service& service_;
  const double arrival_;
  asio::steady_timer changed_;
  std::vector<RequestId> ids_;  // of the choices
  int64_t unfinished_ = 0;
  std::vector<ChoiceEvent> arrived_;
  bool interrupted_ = false;
  bool failed_ = false;
};

// Seconds of std::chrono::steady_clock, as of TokenEvent::time.
double steady_seconds();

}  // namespace chitu
