// The part of a run of several requests that is decoding and nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_set>

#include "engine/engine.h"

namespace chitu::app {

// Opens with the step in which the last of the requests gets its first token: all prompts are
// computed then. Closes after `max_steps` more, or with the step in which a request ends, whatever
// comes first: while it is open every request decodes.
class DecodeWindow {
 public:
  DecodeWindow(int64_t requests, int64_t max_steps)
      : requests_(static_cast<std::size_t>(requests)), max_steps_(max_steps) {}

  // The events of the next step.
  void take(std::span<const TokenEvent> events) {
    if (is_open()) {
      ++steps_;
      tokens_ += static_cast<int64_t>(events.size());
    }
    for (const TokenEvent& event : events) {
      begun_.insert(event.id);
      if (event.finish != FinishReason::kNone) closed_ = true;
    }
    if (steps_ == max_steps_) closed_ = true;
  }

  bool is_open() const { return !closed_ && begun_.size() == requests_; }
  bool is_closed() const { return closed_; }
  int64_t tokens() const { return tokens_; }  // decoded in it

 private:
  std::size_t requests_;
  int64_t max_steps_;
  std::unordered_set<RequestId> begun_;
  int64_t steps_ = 0;
  int64_t tokens_ = 0;
  bool closed_ = false;
};

}  // namespace chitu::app
