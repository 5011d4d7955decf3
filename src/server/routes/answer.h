// An answer while its tokens come: the text of each choice, and what a client gets of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/request.h"
#include "server/openai_response.h"
#include "server/routes/generate.h"
#include "server/text_stream.h"
#include "text/tokenizer.h"

namespace chitu {

class Answer {
 public:
  // `tokenizer` and `format` must outlive the object.
  Answer(const Tokenizer& tokenizer, const AnswerFormat& format, AnswerHead head,
         const GenerationJob& job);

  // True: the choice is complete with this token, of which the engine does not know, for a stop
  // string came: it is to be cancelled.
  bool push(int64_t choice, const TokenEvent& event);

  bool complete() const { return unfinished_ == 0; }

  // The whole answer, which is gone with that. REQUIRES: complete(), and append_chunks() was not
  // called.
  std::string take_whole();
  bool is_large() const;  // take_whole() takes longer than a stream's chunks may be held up for
  // Appends what is new as server-sent events: one chunk for each choice that has something new.
  void append_chunks(std::string& out);
  // Appends the usage, where it is asked for, and the end.
  void append_end(std::string& out) const;

 private:
  struct Part {
    TextStream stream;
    Choice choice;  // in a stream, what was not yet handed on
    bool begun = false;
  };

  Usage usage() const;

  const AnswerFormat& format_;
  const AnswerHead head_;
  const int64_t choices_per_prompt_;
  std::vector<Part> parts_;
  int64_t unfinished_ = 0;
  int64_t prompt_tokens_ = 0;
  int64_t cached_tokens_ = 0;
};

}  // namespace chitu
