#include "server/api_result.h"

#include <fmt/format.h>

#include "base/quote.h"

namespace chitu {
namespace {

HttpError bad_request(std::string_view param, std::string message, std::string code) {
  if (!param.empty()) message = fmt::format("{}: {}", param, message);
  return {.status = 400,
          .message = std::move(message),
          .type = "invalid_request_error",
          .param = std::string(param),
          .code = std::move(code)};
}

}  // namespace

HttpError invalid_value(std::string_view param, std::string_view what) {
  return bad_request(param, std::string(what), "invalid_value");
}

HttpError unsupported_parameter(std::string_view param, std::string_view what) {
  return bad_request(param, std::string(what), "unsupported_parameter");
}

HttpError context_length_exceeded(std::string_view param, std::string_view found,
                                  int64_t max_tokens) {
  return bad_request(param,
                     fmt::format("this model's maximum context length is {} tokens, prompt and "
                                 "answer together, but the prompt has {}",
                                 max_tokens, found),
                     "context_length_exceeded");
}

HttpError model_not_found(std::string_view model) {
  return {.status = 404,
          .message = fmt::format("model: there is no model {} here; GET /v1/models lists what "
                                 "there is",
                                 quote(model)),
          .type = "invalid_request_error",
          .param = "model",
          .code = "model_not_found"};
}

HttpError no_room(std::string_view why) {
  return {.status = 429,
          .message = fmt::format("{}; try again later", why),
          .type = "rate_limit_error",
          .code = "rate_limit_exceeded"};
}

HttpError unavailable(std::string_view why) {
  return {.status = 503,
          .message = std::string(why),
          .type = "server_error",
          .code = "service_unavailable"};
}

HttpError internal_error(std::string_view message) {
  return {.status = 500,
          .message = std::string(message),
          .type = "server_error",
          .code = "internal_error"};
}

HttpError from_error(const Error& error, std::string_view param) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kResourceExhausted:
      return bad_request(param, error.message, "invalid_value");
    case ErrorCode::kUnsupported:
      return bad_request(param, error.message, "unsupported_value");
    case ErrorCode::kCancelled:
      return unavailable("the request was cancelled by the server");
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      break;
  }
  return internal_error("the server failed to answer this request; its log says why");
}

}  // namespace chitu
