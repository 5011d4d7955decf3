// Server-sent events (WHATWG HTML, "Server-sent events") as bytes for Exchange::send().
#pragma once

#include <string>
#include <string_view>

namespace chitu {

inline constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";
inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
// What clients skip; keeps proxies from closing while a request waits.
inline constexpr std::string_view kSseKeepAlive = ": keep-alive\n\n";

// Appends "data: DATA\n\n"; each line of `data` gets its own "data: ".
void append_sse_event(std::string_view data, std::string& out);

}  // namespace chitu
