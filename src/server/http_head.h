// The first lines of an answer.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chitu {

struct ResponseHead {
  int status = 200;
  std::string_view content_type;  // empty: no body
  std::optional<size_t> content_length;
  bool chunked = false;
  bool close = false;
  bool is_http_1_0 = false;
  std::string_view request_id;
  const std::vector<std::pair<std::string, std::string>>* headers = nullptr;
  const std::vector<std::pair<std::string, std::string>>* cors_headers = nullptr;
};

// Ends with the empty line. Fields whose name or value would break the lines are left out.
std::string response_head(const ResponseHead& head, std::time_t now);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7)
std::string http_date(std::time_t time);

}  // namespace chitu
