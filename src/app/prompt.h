// What the user asks: a text or a conversation, and the tokens that the model gets of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/session.h"
#include "base/result.h"
#include "io/json.h"

namespace chitu::app {

struct Prompt {
  std::string text;      // when there are no messages
  json::Array messages;  // as read_messages() returns them
};

struct PromptStyle {
  std::optional<std::string> system;  // --system
  bool raw = false;                   // --raw
};

// Where text enters. Error: "not valid UTF-8: byte 4 is 0xe9", counted from 1.
Status check_utf8(std::string_view text);

// A text becomes the user's message, if the model is a chat model and the style is not raw; the
// system message goes before all others. Errors: messages of a raw prompt, a second system message,
// a system message or messages without a chat template.
Result<std::vector<int32_t>> encode_prompt(const Session& session, const Prompt& prompt,
                                           const PromptStyle& style);

}  // namespace chitu::app
