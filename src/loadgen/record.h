// What became of one request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace chitu::loadgen {

// Times are seconds since the run began.
struct RequestRecord {
  double start = 0;              // before the first byte is sent, and before a connection is made
  double end = 0;                // of the answer, or of the attempt
  std::vector<double> arrivals;  // of each piece of text, in order: the first is the first token's

  int64_t prompt_tokens = 0;  // as the server counts them
  int64_t cached_tokens = 0;  // of these, those it says it had computed before
  int64_t output_tokens = 0;  // as the server counts them; pieces of text when it does not
  bool usage_came = false;
  std::string finish_reason;
  int64_t resent = 0;  // because the kept connection had been closed without an answer

  bool ended = false;        // well or badly; an interrupted run leaves some that have not
  std::string failure;       // "HTTP 429", "timeout", "closed early"...; empty: the answer is whole
  std::string failure_text;  // what the server or the system said of it

  bool ok() const { return ended && failure.empty(); }
  double seconds() const { return end - start; }
  // REQUIRES: ok(), which means that there is at least one piece
  double time_to_first_token() const { return arrivals.front() - start; }
  // Mean time of a token after the first. REQUIRES: ok(), output_tokens > 1
  double time_per_output_token() const {
    return (arrivals.back() - arrivals.front()) / static_cast<double>(output_tokens - 1);
  }
};

}  // namespace chitu::loadgen
