// OpenAI's batch format: JSON lines, each with a request; JSON lines with the answers.
//   {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {...}}
//   {"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "request_id": "req_1",
//    "body": {...}}, "error": null}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "server/api_result.h"
#include "server/openai_request.h"

namespace chitu {

struct BatchLine {
  std::string custom_id;
  std::variant<ChatRequest, CompletionRequest, EmbeddingsRequest> request;
};

struct BatchLineError {
  std::string custom_id;  // empty: the line has none that could be read
  HttpError error;
};

// One line of the input. Streaming is refused.
std::variant<BatchLine, BatchLineError> read_batch_line(std::string_view line,
                                                        const RequestLimits& limits);

// The lines of the output, without a line feed. `number` counts the input's lines from 1; `body` is
// JSON.
std::string batch_answer_line(int64_t number, std::string_view custom_id, std::string_view body);
std::string batch_error_line(int64_t number, std::string_view custom_id, const HttpError& error);

}  // namespace chitu
