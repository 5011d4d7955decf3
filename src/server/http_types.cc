#include "server/http_types.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace chitu {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_name(std::string_view lower_case, std::string_view name) {
  return std::equal(lower_case.begin(), lower_case.end(), name.begin(), name.end(),
                    [](char a, char b) { return a == lower(b); });
}

boost::json::value string_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return boost::json::string(text);
}

}  // namespace

void HttpHeaders::add(std::string_view name, std::string value) {
  std::string lower_case(name);
  std::transform(lower_case.begin(), lower_case.end(), lower_case.begin(), lower);
  fields_.emplace_back(std::move(lower_case), std::move(value));
}

std::optional<std::string_view> HttpHeaders::find(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (equal_name(field, name)) return value;
  }
  return std::nullopt;
}

int HttpHeaders::count(std::string_view name) const {
  return static_cast<int>(std::count_if(fields_.begin(), fields_.end(), [&](const auto& field) {
    return equal_name(field.first, name);
  }));
}

HttpResponse error_response(const HttpError& error) {
  std::string type = error.type;
  if (type.empty()) type = error.status < 500 ? "invalid_request_error" : "server_error";
  const boost::json::object body{{"error",
                                  {{"message", error.message},
                                   {"type", type},
                                   {"param", string_or_null(error.param)},
                                   {"code", string_or_null(error.code)}}}};
  HttpResponse response;
  response.status = error.status;
  response.body = boost::json::serialize(body);
  if (error.status == 429 || error.status == 503) response.headers = {{"retry-after", "1"}};
  return response;
}

std::string_view status_name(int status) {
  struct Row {
    int status;
    std::string_view name;
  };
  static constexpr std::array kRows{
      Row{100, "Continue"},
      Row{200, "OK"},
      Row{201, "Created"},
      Row{202, "Accepted"},
      Row{204, "No Content"},
      Row{301, "Moved Permanently"},
      Row{302, "Found"},
      Row{303, "See Other"},
      Row{304, "Not Modified"},
      Row{307, "Temporary Redirect"},
      Row{308, "Permanent Redirect"},
      Row{400, "Bad Request"},
      Row{401, "Unauthorized"},
      Row{403, "Forbidden"},
      Row{404, "Not Found"},
      Row{405, "Method Not Allowed"},
      Row{408, "Request Timeout"},
      Row{409, "Conflict"},
      Row{413, "Content Too Large"},
      Row{415, "Unsupported Media Type"},
      Row{422, "Unprocessable Content"},
      Row{429, "Too Many Requests"},
      Row{431, "Request Header Fields Too Large"},
      Row{500, "Internal Server Error"},
      Row{501, "Not Implemented"},
      Row{503, "Service Unavailable"},
      Row{504, "Gateway Timeout"},
      Row{507, "Insufficient Storage"},
  };
  const auto* row = std::find_if(kRows.begin(), kRows.end(),
                                 [&](const Row& candidate) { return candidate.status == status; });
  return row == kRows.end() ? "Unknown" : row->name;
}

}  // namespace chitu
