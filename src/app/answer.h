// Makes one answer and times it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "app/interrupt.h"
#include "app/session.h"
#include "base/result.h"

namespace chitu::app {

struct Answer {
  std::string text;
  int64_t prompt_tokens = 0;
  int64_t tokens = 0;
  double prompt_seconds = 0;  // until the first token
  double decode_seconds = 0;  // from the first token to the last
  FinishReason finish = FinishReason::kNone;
  std::string limit;  // the setting that ended it with kLength: "request.max_new_tokens=512"

  double prompt_speed() const;  // tokens a second; 0 when it cannot be told
  double decode_speed() const;
};

// Calls on_text with each piece of text as soon as it is certain. Ctrl-C ends the answer, as it
// stands, with kCancelled.
Result<Answer> make_answer(Session& session, Request request, const InterruptScope& interrupt,
                           const std::function<void(std::string_view)>& on_text);

// "prompt 31 tokens at 402.0 tok/s, answer 64 tokens at 61.3 tok/s (stop)"
std::string statistics(const Answer& answer);

}  // namespace chitu::app
