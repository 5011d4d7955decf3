// The events of a streamed answer of /v1/chat/completions or /v1/completions.
#pragma once

#include <string_view>

#include "loadgen/record.h"

namespace chitu::loadgen {

// Fills a record from the events of its answer.
class AnswerReader {
 public:
  explicit AnswerReader(RequestRecord& record) : record_(&record) {}

  // An event's data and when it came. A piece counts when it has text (of the answer, of reasoning,
  // or a tool call's). False: no more events are wanted, after "[DONE]" or what makes no sense.
  bool take(std::string_view data, double now);

  // The stream has ended: decides whether the answer is whole, which takes "[DONE]" or a finish
  // reason, and at least one token.
  void end(double now);

 private:
  bool fail(std::string_view kind, std::string_view text);

  RequestRecord* record_;
  bool done_ = false;
};

// The message of an error's body, as OpenAI's API words it, or the beginning of any other body.
std::string error_text(std::string_view body);

}  // namespace chitu::loadgen
