// Server-sent events, as the WHATWG's HTML standard defines the stream (section 9.2.6).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace chitu::loadgen {

// Takes a stream in pieces, split anywhere, and gives the data of each event. Lines end with CR, LF
// or both; comments, other fields and a byte order mark are passed over.
class SseParser {
 public:
  static constexpr std::size_t kMaxEventBytes = std::size_t{4} << 20;

  // Calls on_data with the data of each event that `bytes` complete; false from it ends the call.
  // Error: a line or an event of more than kMaxEventBytes.
  Status feed(std::string_view bytes, const std::function<bool(std::string_view data)>& on_data);

 private:
  void end_line();

  std::string line_;
  std::string data_;
  bool has_data_ = false;
  bool event_ended_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;  // where a byte order mark may stand
};

}  // namespace chitu::loadgen
