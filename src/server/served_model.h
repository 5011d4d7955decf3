// The model that a server answers for, with all that its routes need of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/service.h"
#include "server/openai_request.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace chitu {

// What is pointed to outlives the server.
struct ServedModel {
  std::string name;         // in requests and answers
  int64_t created = 0;      // seconds since 1970
  std::string fingerprint;  // system_fingerprint: of this build and model
  Service* service = nullptr;
  const Tokenizer* tokenizer = nullptr;
  // Nothing: no chat model. An error: its template is broken.
  const Result<std::optional<ChatTemplate>>* chat_template = nullptr;
  RequestLimits limits;
  int64_t hidden_size = 0;

  // Of requests that do not say otherwise.
  SamplingOptions sampling;          // its seed is that of the first request
  std::vector<int32_t> stop_tokens;  // end an answer, beside the model's own
  bool ignore_eos = false;

  // There are several API keys: what one's prompts begin with is not told to another by how much of
  // a prompt was cached.
  bool cache_per_key = false;
};

}  // namespace chitu
