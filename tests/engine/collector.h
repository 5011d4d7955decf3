// Collects a service's events, and waits for requests to end.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/request.h"

namespace chitu::test {

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<float> embedding;
  FinishReason finish = FinishReason::kNone;
  std::string error;
  int64_t cached_tokens = 0;
};

class Collector {
 public:
  void take(std::vector<TokenEvent> events) {
    const std::lock_guard lock(mutex_);
    for (TokenEvent& event : events) {
      Answer& answer = answers_[event.id];
      if (event.token >= 0) answer.tokens.push_back(event.token);
      if (!event.embedding.empty()) answer.embedding = std::move(event.embedding);
      answer.finish = event.finish;
      answer.error = std::move(event.error);
      answer.cached_tokens = event.cached_tokens;
    }
    changed_.notify_all();
  }

  Answer wait_for_end(RequestId id) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_[id].finish != FinishReason::kNone; });
    return answers_[id];
  }
  void wait_for_tokens(RequestId id, std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_[id].tokens.size() >= count; });
  }
  Answer answer(RequestId id) {
    const std::lock_guard lock(mutex_);
    return answers_[id];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<RequestId, Answer> answers_;
};

}  // namespace chitu::test
