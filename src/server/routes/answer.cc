#include "server/routes/answer.h"

#include <utility>

#include "server/sse.h"

namespace chitu {

Answer::Answer(const Tokenizer& tokenizer, const AnswerFormat& format, AnswerHead head,
               const GenerationJob& job)
    : format_(format), head_(std::move(head)), choices_per_prompt_(job.fields.n) {
  const GenerationFields& fields = job.fields;
  for (const GenerationPrompt& prompt : job.prompts) {
    prompt_tokens_ += static_cast<int64_t>(prompt.tokens.size());
    for (int64_t i = 0; i < fields.n; ++i) {
      TextStreamOptions options{.echo = prompt.echo,
                                .stop = fields.stop,
                                .include_stop = fields.include_stop,
                                .skip_special = fields.skip_special_tokens,
                                .min_tokens = fields.min_tokens};
      const auto index = static_cast<int64_t>(parts_.size());
      parts_.push_back({.stream = TextStream(tokenizer, std::move(options)),
                        .choice = {.index = index, .logprobs = fields.top_logprobs >= 0}});
    }
  }
  unfinished_ = static_cast<int64_t>(parts_.size());
}

bool Answer::push(int64_t choice, const TokenEvent& event) {
  Part& part = parts_[static_cast<size_t>(choice)];
  if (part.stream.finished()) return false;
  // The prompt counts once, whatever the number of its choices.
  if (part.stream.num_tokens() == 0 && choice % choices_per_prompt_ == 0) {
    cached_tokens_ += event.cached_tokens;
  }
  part.choice.piece.append(part.stream.push(event.token, event.finish, event.logprobs));
  if (!part.stream.finished()) return false;
  --unfinished_;
  return event.finish == FinishReason::kNone;
}

Usage Answer::usage() const {
  Usage usage{.prompt_tokens = prompt_tokens_, .cached_tokens = cached_tokens_};
  for (const Part& part : parts_) usage.completion_tokens += part.stream.num_tokens();
  return usage;
}

bool Answer::is_large() const {
  constexpr size_t kLarge = 1 << 16;  // bytes
  constexpr size_t kEntry = 64;       // of one logprob
  size_t bytes = 0;
  for (const Part& part : parts_) {
    bytes += part.choice.piece.text.size();
    for (const ScoredToken& token : part.choice.piece.tokens) {
      bytes += (1 + token.top.size()) * kEntry;
    }
  }
  return bytes > kLarge;
}

std::string Answer::take_whole() {
  std::vector<Choice> choices;
  choices.reserve(parts_.size());
  for (Part& part : parts_) choices.push_back(std::exchange(part.choice, {}));
  return format_.whole(head_, choices, usage());
}

void Answer::append_chunks(std::string& out) {
  for (Part& part : parts_) {
    if (part.choice.piece.empty()) continue;
    if (!std::exchange(part.begun, true) && format_.first_chunk != nullptr) {
      append_sse_event(format_.first_chunk(head_, part.choice.index), out);
    }
    append_sse_event(format_.chunk(head_, part.choice), out);
    part.choice.piece = {};
  }
}

void Answer::append_end(std::string& out) const {
  if (head_.include_usage) append_sse_event(format_.usage_chunk(head_, usage()), out);
  out += kSseDone;
}

}  // namespace chitu
