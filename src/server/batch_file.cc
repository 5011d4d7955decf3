#include "server/batch_file.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "server/request_fields.h"

namespace chitu {
namespace {

constexpr int64_t kMaxIdBytes = 512;

using Request = decltype(BatchLine::request);

template <auto kRead>
ApiResult<Request> read_as(const json::Object& body, const RequestLimits& limits) {
  TRY(request, kRead(body, limits));
  return Request(std::move(request));
}

struct Route {
  std::string_view url;
  ApiResult<Request> (*read)(const json::Object& body, const RequestLimits& limits);
};

constexpr std::array<Route, 3> kRoutes = {{
    {"/v1/chat/completions", read_as<read_chat_request>},
    {"/v1/completions", read_as<read_completion_request>},
    {"/v1/embeddings", read_as<read_embeddings_request>},
}};

ApiResult<const Route*> read_route(const RequestFields& fields) {
  const json::Value* method = fields.find("method");
  if (method == nullptr) return missing("method", "\"POST\"");
  if (*method != "POST") return expected("method", "\"POST\"", *method, !method->is_string());
  const json::Value* url = fields.find("url");
  constexpr std::string_view kUrls =
      "\"/v1/chat/completions\", \"/v1/completions\" or \"/v1/embeddings\"";
  if (url == nullptr) return missing("url", kUrls);
  for (const Route& route : kRoutes) {
    if (*url == json::Value(route.url)) return &route;
  }
  return expected("url", kUrls, *url, !url->is_string());
}

ApiResult<Request> read_request(RequestFields& fields, const RequestLimits& limits) {
  TRY_FIELDS(fields);
  TRY(route, read_route(fields));
  if (fields.find("body") == nullptr) return missing("body", "an object");
  const json::Object* body = fields.object("body");
  TRY_FIELDS(fields);
  const json::Value* stream = body->if_contains("stream");
  if (stream != nullptr && *stream == true) {
    return unsupported_parameter("stream", "the answers of a batch are not streamed");
  }
  return route->read(*body, limits);
}

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text));
}

std::string line(int64_t number, std::string_view custom_id, int status, std::string_view body) {
  return fmt::format(R"({{"id":"batch_req_{}","custom_id":{},"response":{{"status_code":{},)"
                     R"("request_id":"req_{}","body":{}}},"error":null}})",
                     number, custom_id.empty() ? "null" : json_string(custom_id), status, number,
                     body);
}

}  // namespace

std::variant<BatchLine, BatchLineError> read_batch_line(std::string_view line,
                                                        const RequestLimits& limits) {
  auto object = parse_body(line, limits);
  if (!object) return BatchLineError{"", std::move(object).error()};
  RequestFields fields(*object);
  std::string custom_id;
  fields.string("custom_id", kMaxIdBytes, custom_id);
  if (fields.ok() && custom_id.empty()) fields.fail(missing("custom_id", "a string"));
  auto request = read_request(fields, limits);
  if (!request) return BatchLineError{std::move(custom_id), std::move(request).error()};
  return BatchLine{std::move(custom_id), *std::move(request)};
}

std::string batch_answer_line(int64_t number, std::string_view custom_id, std::string_view body) {
  constexpr int kOk = 200;
  return line(number, custom_id, kOk, body);
}

std::string batch_error_line(int64_t number, std::string_view custom_id, const HttpError& error) {
  return line(number, custom_id, error.status, error_response(error).body);
}

}  // namespace chitu
