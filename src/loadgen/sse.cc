#include "loadgen/sse.h"

#include <algorithm>

namespace chitu::loadgen {

void SseParser::end_line() {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string_view line = line_;
  if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  at_start_ = false;
  if (line.empty()) {
    event_ended_ = has_data_;
  } else if (line == "data" || line.starts_with("data:")) {
    std::string_view value = line.substr(std::min<std::size_t>(line.size(), 5));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  }
  line_.clear();
}

Status SseParser::feed(std::string_view bytes,
                       const std::function<bool(std::string_view data)>& on_data) {
  while (!bytes.empty()) {
    if (after_cr_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_cr_ = false;
    const std::size_t end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() + data_.size() > kMaxEventBytes) {
      return make_error(ErrorCode::kCorrupt, "an event of more than {} bytes", kMaxEventBytes);
    }
    if (end == std::string_view::npos) return {};
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line();
    if (!event_ended_) continue;
    const bool go_on = on_data(data_);
    data_.clear();
    has_data_ = event_ended_ = false;
    if (!go_on) return {};
  }
  return {};
}

}  // namespace chitu::loadgen
