// What chats and completions have in common: tokens in, an answer out, whole or as a stream.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/exchange.h"
#include "server/openai_request.h"
#include "server/openai_response.h"
#include "server/server_state.h"

namespace chitu {

struct GenerationPrompt {
  std::vector<int32_t> tokens;
  std::string echo;  // what the answer begins with
};

struct GenerationJob {
  std::vector<GenerationPrompt> prompts;  // prompt p's choice i has the index p * n + i
  GenerationFields fields;
};

// How an answer looks; functions of openai_response.h.
struct AnswerFormat {
  std::string_view id_prefix;  // "chatcmpl-"
  std::string (*whole)(const AnswerHead& head, std::span<const Choice> choices,
                       const Usage& usage) = nullptr;
  std::string (*first_chunk)(const AnswerHead& head, int64_t index) = nullptr;  // or none
  std::string (*chunk)(const AnswerHead& head, const Choice& choice) = nullptr;
  std::string (*usage_chunk)(const AnswerHead& head, const Usage& usage) = nullptr;
};

// Computes the job and answers with it. A stream begins with its first token, so that a request
// which fails before gets an HTTP error; or with a comment when that takes long. When the client
// leaves, the job is cancelled. `arrival`: steady_seconds() when the request came.
asio::awaitable<void> generate(Exchange& exchange, ServerState& state, const AnswerFormat& format,
                               GenerationJob job, double arrival);

}  // namespace chitu
