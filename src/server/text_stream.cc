#include "server/text_stream.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace chitu {
namespace {

// REQUIRES: valid UTF-8
int64_t count_characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not a continuation byte
  });
}

}  // namespace

void TextPiece::append(TextPiece&& next) {
  text += next.text;
  std::move(next.tokens.begin(), next.tokens.end(), std::back_inserter(tokens));
  if (next.finish != FinishReason::kNone) finish = next.finish;
}

TextStream::TextStream(const Tokenizer& tokenizer, TextStreamOptions options)
    : tokenizer_(&tokenizer),
      options_(std::move(options)),
      decoder_(tokenizer, options_.skip_special),
      stops_(options_.stop) {
  num_characters_ = count_characters(options_.echo);
}

TextPiece TextStream::push(int32_t token, FinishReason finish,
                           std::span<const TokenLogprob> logprobs) {
  TextPiece piece;
  if (finished()) return piece;
  piece.text = std::exchange(options_.echo, {});
  const bool is_token = token >= 0;
  if (is_token) ++num_tokens_;

  std::string text;
  const bool is_shown = is_token && (finish != FinishReason::kStop || options_.include_stop);
  if (is_shown) text = decoder_.push(token);
  if (finish != FinishReason::kNone) text += decoder_.flush();
  const auto begin = released_ + static_cast<int64_t>(held_.size());
  if (is_shown && !logprobs.empty()) score(logprobs, begin, text.size());

  const auto match = stops_.feed(text, num_tokens_ > options_.min_tokens);
  const size_t held_before = held_.size();
  num_characters_ += count_characters(text);
  held_ += text;
  size_t certain = held_.size();
  if (match) {
    certain = held_before + match->end - (options_.include_stop ? 0 : match->length);
    finish = FinishReason::kStop;
  } else if (finish == FinishReason::kNone) {
    certain = held_.size() - stops_.held();  // stop strings, too, begin with whole characters
  }
  finish_ = finish;
  piece.finish = finish;
  release(certain, piece);
  return piece;
}

void TextStream::score(std::span<const TokenLogprob> logprobs, int64_t begin, size_t bytes) {
  const auto entry = [&](const TokenLogprob& logprob) {
    return ScoredToken::Entry{.bytes = tokenizer_->bytes(logprob.token),
                              .logprob = logprob.logprob};
  };
  Waiting waiting;
  waiting.token.sampled = entry(logprobs.front());
  for (const TokenLogprob& logprob : logprobs.subspan(1)) {
    waiting.token.top.push_back(entry(logprob));
  }
  waiting.token.text_offset = num_characters_;
  waiting.begin = begin;
  waiting.end = begin + static_cast<int64_t>(bytes);
  waiting_.push_back(std::move(waiting));
}

void TextStream::release(size_t bytes, TextPiece& piece) {
  piece.text.append(held_, 0, bytes);
  held_.erase(0, bytes);
  released_ += static_cast<int64_t>(bytes);
  // At the end a token counts of whose text a part is out.
  const auto is_out = [&](const Waiting& waiting) {
    return finished() ? waiting.begin < released_ || held_.empty() : waiting.end <= released_;
  };
  while (!waiting_.empty() && is_out(waiting_.front())) {
    piece.tokens.push_back(std::move(waiting_.front().token));
    waiting_.pop_front();
  }
}

}  // namespace chitu
