#include "app/answer.h"

#include <fmt/format.h>

#include "app/terminal.h"
#include "base/counted.h"
#include "text/stream_decoder.h"

namespace chitu::app {

double Answer::prompt_speed() const {
  return prompt_seconds > 0 ? static_cast<double>(prompt_tokens) / prompt_seconds : 0;
}

double Answer::decode_speed() const {
  return decode_seconds > 0 ? static_cast<double>(tokens - 1) / decode_seconds : 0;
}

Result<Answer> make_answer(Session& session, Request request, const InterruptScope& interrupt,
                           const std::function<void(std::string_view)>& on_text) {
  Answer answer{.prompt_tokens = static_cast<int64_t>(request.prompt.size())};
  StreamDecoder decoder(*session.tokenizer);
  const auto emit = [&](const std::string& piece) {
    if (piece.empty()) return;
    answer.text += piece;
    on_text(piece);
  };

  const int64_t max_new_tokens = request.max_new_tokens;
  TRY(id, session.engine->submit(std::move(request)));
  const RequestScope scope(*session.engine, id);
  const Stopwatch stopwatch;
  while (answer.finish == FinishReason::kNone) {
    if (interrupt.interrupted()) {
      answer.finish = FinishReason::kCancelled;
      break;
    }
    const std::span<TokenEvent> events = session.engine->step();
    TRY_STATUS(first_error(events));
    for (const TokenEvent& event : events) {
      if (event.id != id) continue;
      if (++answer.tokens == 1) answer.prompt_seconds = stopwatch.seconds();
      answer.finish = event.finish;
      if (event.finish != FinishReason::kStop) emit(decoder.push(event.token));
    }
  }
  if (answer.tokens > 0) answer.decode_seconds = stopwatch.seconds() - answer.prompt_seconds;
  emit(decoder.flush());
  if (answer.finish == FinishReason::kLength) {
    answer.limit = answer.tokens == max_new_tokens
                       ? fmt::format("request.max_new_tokens={}", max_new_tokens)
                       : fmt::format("infer.max_seq_len={}", session.engine->memory().max_seq_len);
  }
  return answer;
}

std::string statistics(const Answer& answer) {
  std::string text = fmt::format("prompt {}", counted(answer.prompt_tokens, "token"));
  if (answer.tokens > 0) {
    text += fmt::format(" at {:.1f} tok/s, answer {}", answer.prompt_speed(),
                        counted(answer.tokens, "token"));
  } else {
    text += ", no answer yet";
  }
  if (answer.tokens > 1) text += fmt::format(" at {:.1f} tok/s", answer.decode_speed());
  text += fmt::format(" ({}", name(answer.finish));
  if (!answer.limit.empty()) text += fmt::format(": {}", answer.limit);
  return text + ')';
}

}  // namespace chitu::app
