#include "base/quote.h"

#include <fmt/format.h>

namespace chitu {

std::string quote(std::string_view text, std::size_t max_bytes) {
  std::string out = "'";
  for (const char c : text.substr(0, max_bytes)) {
    if (c < 0x20 || c > 0x7e) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  if (text.size() > max_bytes) out += "...";
  return out + "'";
}

}  // namespace chitu
