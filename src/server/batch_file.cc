#include "server/batch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "server/request_fields.h"

namespace chitu {
namespace {

constexpr int64_t kMaxIdBytes = 512;
constexpr std::array<std::string_view, 3> kUrls = {"/v1/chat/completions", "/v1/completions",
                                                   "/v1/embeddings"};

// The text of a field that must be one of some.
ApiResult<std::string> read_choice(const RequestFields& fields, std::string_view key,
                                   std::span<const std::string_view> choices) {
  const std::string what = fmt::format("{}", fmt::join(choices, " or "));
  const json::Value* value = fields.find(key);
  if (value == nullptr) return missing(key, what);
  if (!value->is_string()) return expected(key, what, *value, true);
  const std::string_view text = value->get_string();
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    return expected(key, what, *value, false);
  }
  return std::string(text);
}

ApiResult<BatchLine> read_line(const json::Object& object, std::string& custom_id) {
  RequestFields fields(object);
  fields.string("custom_id", kMaxIdBytes, custom_id);
  TRY_FIELDS(fields);
  if (custom_id.empty()) return missing("custom_id", "a string");
  constexpr std::array<std::string_view, 1> kMethods = {"POST"};
  TRY(method, read_choice(fields, "method", kMethods));
  (void)method;
  TRY(url, read_choice(fields, "url", kUrls));
  const json::Object* body = fields.object("body");
  TRY_FIELDS(fields);
  if (body == nullptr) return missing("body", "an object");
  bool stream = false;
  RequestFields inner(*body, "body.");
  inner.boolean("stream", stream);
  TRY_FIELDS(inner);
  if (stream) {
    return unsupported_parameter("body.stream", "the answers of a batch are not streamed");
  }
  return BatchLine{custom_id, std::move(url), boost::json::serialize(*body)};
}

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text));
}

}  // namespace

std::variant<BatchLine, BatchLineError> read_batch_line(std::string_view line,
                                                        const RequestLimits& limits) {
  auto object = parse_body(line, limits);
  if (!object) return BatchLineError{"", std::move(object).error()};
  std::string custom_id;
  auto read = read_line(*object, custom_id);
  if (!read) return BatchLineError{std::move(custom_id), std::move(read).error()};
  return *std::move(read);
}

std::string batch_output_line(int64_t number, std::string_view custom_id,
                              const HttpResponse& response) {
  return fmt::format(R"({{"id":"batch_req_{}","custom_id":{},"response":{{"status_code":{},)"
                     R"("request_id":"req_{}","body":{}}},"error":null}})",
                     number, custom_id.empty() ? "null" : json_string(custom_id), response.status,
                     number, response.body);
}

}  // namespace chitu
