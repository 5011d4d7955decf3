#include "app/answer_prompts.h"

#include <unordered_map>
#include <utility>

#include "app/interrupt.h"
#include "app/terminal.h"
#include "text/stream_decoder.h"

namespace chitu::app {
namespace {

// One prompt's answer while it is being made.
struct Pending {
  explicit Pending(const Tokenizer& tokenizer) : decoder(tokenizer) {}

  StreamDecoder decoder;
  std::string text;
  int64_t prompt_tokens = 0;
  json::Array tokens;
  FinishReason finish = FinishReason::kNone;
  std::string error;  // why there is no answer

  bool is_done() const { return finish != FinishReason::kNone || !error.empty(); }
};

void take(Pending& pending, const TokenEvent& event) {
  if (event.finish == FinishReason::kError) {
    pending.error = event.error;
    return;
  }
  pending.tokens.push_back(event.token);
  if (event.finish != FinishReason::kStop) pending.text += pending.decoder.push(event.token);
  if (event.finish != FinishReason::kNone) {
    pending.text += pending.decoder.flush();
    pending.finish = event.finish;
  }
}

std::string line_of(std::size_t index, const Prompt& prompt, Pending& pending) {
  json::Object line{{"index", index}};
  if (prompt.messages.empty()) {
    line["prompt"] = prompt.text;
  } else {
    line["messages"] = prompt.messages;
  }
  if (!pending.error.empty()) {
    line["error"] = pending.error;
  } else {
    line["text"] = pending.text;
    line["tokens"] = std::move(pending.tokens);
    line["finish_reason"] = name(pending.finish);
  }
  return boost::json::serialize(line);
}

// What of it was written counts.
void count(FileSummary& summary, const Pending& pending) {
  if (!pending.error.empty()) {
    ++summary.failed;
    return;
  }
  ++summary.answered;
  summary.prompt_tokens += pending.prompt_tokens;
  summary.tokens += static_cast<int64_t>(pending.tokens.size());
}

}  // namespace

Result<FileSummary> answer_prompts(const Environment& environment, Session& session,
                                   const std::vector<FilePrompt>& prompts, const Settings& settings,
                                   const PromptStyle& style, OutputFile& output) {
  TRY_STATUS(output.clear());
  const InterruptScope interrupt(InterruptScope::Mode::kOnce);
  std::vector<Pending> answers;
  std::unordered_map<RequestId, std::size_t> index_of;
  const auto submit = [&](std::size_t index) -> Status {
    TRY(tokens, encode_prompt(session, prompts[index].prompt, style));
    answers[index].prompt_tokens = static_cast<int64_t>(tokens.size());
    Request request = make_request(session, settings, std::move(tokens));
    request.sampling.seed += index;
    TRY(id, session.engine->submit(std::move(request)));
    index_of[id] = index;
    return {};
  };
  answers.reserve(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    answers.emplace_back(*session.tokenizer);
    Status status = submit(i);
    if (!status.ok()) answers[i].error = std::move(status).error().within(prompts[i].where).message;
  }

  const Stopwatch stopwatch;
  FileSummary summary;
  ProgressBar bar(environment, "answering", ProgressBar::Unit::kItems);
  std::size_t written = 0;
  while (written < prompts.size()) {
    if (interrupt.interrupted()) {
      summary.interrupted = true;
      break;
    }
    for (const TokenEvent& event : session.engine->step()) {
      take(answers[index_of.at(event.id)], event);
    }
    for (; written < prompts.size() && answers[written].is_done(); ++written) {
      bar.clear();
      if (!output.write_line(line_of(written, prompts[written].prompt, answers[written]))) {
        TRY_STATUS(output.finish());
      }
      count(summary, answers[written]);
    }
    bar.update(static_cast<int64_t>(written), static_cast<int64_t>(prompts.size()));
  }
  summary.seconds = stopwatch.seconds();
  TRY_STATUS(output.finish());
  return summary;
}

}  // namespace chitu::app
