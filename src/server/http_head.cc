#include "server/http_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "server/http_types.h"

namespace chitu {
namespace {

void append_field(std::string_view name, std::string_view value, std::string& out) {
  const auto breaks = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  if (std::any_of(name.begin(), name.end(), breaks)) return;
  if (std::any_of(value.begin(), value.end(), breaks)) return;
  out += fmt::format("{}: {}\r\n", name, value);
}

void append_fields(const std::vector<std::pair<std::string, std::string>>* fields,
                   std::string& out) {
  if (!fields) return;
  for (const auto& [name, value] : *fields) append_field(name, value, out);
}

}  // namespace

std::string http_date(std::time_t time) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

std::string response_head(const ResponseHead& head, std::time_t now) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", head.status, status_name(head.status));
  append_field("date", http_date(now), out);
  append_field("server", "chitu", out);
  if (!head.content_type.empty()) {
    append_field("content-type", head.content_type, out);
    append_field("x-content-type-options", "nosniff", out);
  }
  if (head.content_length)
    append_field("content-length", fmt::to_string(*head.content_length), out);
  if (head.chunked) append_field("transfer-encoding", "chunked", out);
  if (head.close) {
    append_field("connection", "close", out);
  } else if (head.is_http_1_0) {
    append_field("connection", "keep-alive", out);
  }
  if (!head.request_id.empty()) append_field("x-request-id", head.request_id, out);
  append_fields(head.cors_headers, out);
  append_fields(head.headers, out);
  out += "\r\n";
  return out;
}

}  // namespace chitu
