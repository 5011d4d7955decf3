// From a request's conversation or text to the tokens that the model continues. Slow for long
// prompts: not for the thread of the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api_result.h"
#include "server/openai_request.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace chitu {

// The conversation as the model's chat template writes it. With continue_final_message the text
// ends with the last message's. Errors: what the template refuses, or limits it runs into.
ApiResult<std::string> render_chat(const ChatTemplate& chat_template, const ChatPrompt& prompt);

// Errors: context_length_exceeded for more than max_prompt_bytes, before any work is done.
std::optional<HttpError> check_length(std::string_view text, const RequestLimits& limits,
                                      std::string_view param);

// Errors: as check_length()'s; context_length_exceeded for more than max_seq_len - 1 tokens, which
// leave no room for an answer. `param`: the request's field that the text came from.
ApiResult<std::vector<int32_t>> encode_prompt(const Tokenizer& tokenizer, std::string_view text,
                                              bool add_special_tokens, const RequestLimits& limits,
                                              std::string_view param);

}  // namespace chitu
