// Text from a file or a request, made safe to stand in a one-line message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace chitu {

// "'model.embed'". Bytes other than printable ASCII become \xNN, so that neither a line break nor a
// terminal's escape sequence gets through; text beyond max_bytes is cut off with "...".
std::string quote(std::string_view text, std::size_t max_bytes = 80);

}  // namespace chitu
