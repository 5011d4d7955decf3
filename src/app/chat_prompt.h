// Turns a conversation into the text that the model continues.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "io/checkpoint.h"
#include "text/tokenizer.h"

namespace chitu::app {

struct ChatMessage {
  std::string role;
  std::string content;
};

class ChatPrompt {
 public:
  // nullopt when the checkpoint has no chat template.
  static Result<std::optional<ChatPrompt>> load(const Checkpoint& checkpoint,
                                                const Tokenizer& tokenizer);

  Result<std::string> render(std::span<const ChatMessage> messages) const;
};

}  // namespace chitu::app
