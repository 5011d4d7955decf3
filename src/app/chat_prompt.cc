#include "app/chat_prompt.h"

namespace chitu::app {

Result<std::optional<ChatPrompt>> ChatPrompt::load(const Checkpoint&, const Tokenizer&) {
  return std::optional<ChatPrompt>();
}

Result<std::string> ChatPrompt::render(std::span<const ChatMessage>) const { return std::string(); }

}  // namespace chitu::app
