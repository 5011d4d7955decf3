#include "server/sse.h"

namespace chitu {

void append_sse_event(std::string_view data, std::string& out) {
  for (;;) {
    const size_t end = data.find('\n');
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
  }
  out += '\n';
}

}  // namespace chitu
