// One choice's tokens as they come -> the text that the client may see.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/request.h"
#include "server/stop_matcher.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace chitu {

// A token of the answer with its logprob and those of the likeliest tokens.
struct ScoredToken {
  struct Entry {
    std::string bytes;  // that the token stands for; may be a part of a character
    float logprob = 0;
  };
  Entry sampled;
  std::vector<Entry> top;   // likeliest first
  int64_t text_offset = 0;  // where its text begins in the answer's, in characters
};

// What became certain with a token; pieces add up to the answer.
struct TextPiece {
  std::string text;                 // valid UTF-8, whole characters
  std::vector<ScoredToken> tokens;  // whose text is out; only where logprobs are asked for
  FinishReason finish = FinishReason::kNone;

  bool empty() const { return text.empty() && tokens.empty() && finish == FinishReason::kNone; }
  void append(TextPiece&& next);
};

struct TextStreamOptions {
  std::string echo;               // text before the answer's
  std::vector<std::string> stop;  // end the answer; none empty
  bool include_stop = false;      // a stop string or stop token that ends the answer is part of it
  bool skip_special = true;
  int64_t min_tokens = 0;  // a stop string counts only when a later token completes it
};

class TextStream {
 public:
  // The tokenizer must outlive the object.
  TextStream(const Tokenizer& tokenizer, TextStreamOptions options);

  // The next token (-1: the engine ended without one), why the engine ended with it (or kNone),
  // and, where logprobs are asked for, its own followed by those of the likeliest. When the piece
  // has a finish that the engine does not know of, a stop string came: cancel the request; further
  // tokens are ignored. Text that may be the beginning of a stop string is held back until it is
  // certain.
  TextPiece push(int32_t token, FinishReason finish, std::span<const TokenLogprob> logprobs = {});

  bool finished() const { return finish_ != FinishReason::kNone; }
  int64_t num_tokens() const { return num_tokens_; }  // pushed until the end, a stop token included

 private:
  // A scored token, and where its text ends in the answer's, in bytes.
  struct Waiting {
    ScoredToken token;
    int64_t begin = 0;
    int64_t end = 0;
  };

  void score(std::span<const TokenLogprob> logprobs, int64_t begin, size_t bytes);
  // Hands `bytes` of the held text on, and the tokens whose text is then out.
  void release(size_t bytes, TextPiece& piece);

  const Tokenizer* tokenizer_;
  TextStreamOptions options_;
  StreamDecoder decoder_;
  StopMatcher stops_;
  std::string held_;  // decoded, but not handed on
  std::deque<Waiting> waiting_;
  int64_t released_ = 0;        // bytes handed on, beside the echo
  int64_t num_characters_ = 0;  // decoded
  int64_t num_tokens_ = 0;
  FinishReason finish_ = FinishReason::kNone;
};

}  // namespace chitu
