// OpenAI's batch format: JSON lines, each with a request; JSON lines with the answers.
//   {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {...}}
//   {"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "request_id": "req_1",
//    "body": {...}}, "error": null}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "server/http_types.h"
#include "server/openai_request.h"

namespace chitu {

struct BatchLine {
  std::string custom_id;
  std::string url;   // /v1/chat/completions, /v1/completions or /v1/embeddings
  std::string body;  // JSON, of an object
};

struct BatchLineError {
  std::string custom_id;  // empty: the line has none that could be read
  HttpError error;
};

// One line of the input. Streaming is refused; the rest of the body is the route's to check.
std::variant<BatchLine, BatchLineError> read_batch_line(std::string_view line,
                                                        const RequestLimits& limits);

// A line of the output, without a line feed. `number` counts the requests from 1.
std::string batch_output_line(int64_t number, std::string_view custom_id,
                              const HttpResponse& response);

}  // namespace chitu
