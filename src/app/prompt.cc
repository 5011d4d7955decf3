#include "app/prompt.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace chitu::app {

Status check_utf8(std::string_view text) {
  const std::size_t valid = utf8::valid_prefix(text);
  if (valid == text.size()) return {};
  return make_error(ErrorCode::kInvalidArgument, "not valid UTF-8: byte {} is {:#04x}", valid + 1,
                    static_cast<unsigned char>(text[valid]));
}

Result<std::vector<int32_t>> encode_prompt(const Session& session, const Prompt& prompt,
                                           const PromptStyle& style) {
  json::Array messages = prompt.messages;
  if (messages.empty()) {
    const bool has_template = !session.chat_template.ok() || session.chat_template->has_value();
    if (style.raw || (!has_template && !style.system)) return encode_text(session, prompt.text);
    messages.push_back(json::Object{{"role", "user"}, {"content", prompt.text}});
  } else if (style.raw) {
    return make_error(ErrorCode::kInvalidArgument,
                      "--raw takes a \"prompt\"; \"messages\" need the chat template");
  }
  if (style.system) {
    const bool has_system = std::any_of(messages.begin(), messages.end(), [](const auto& message) {
      return message.at("role") == "system";
    });
    if (has_system) {
      return make_error(ErrorCode::kInvalidArgument,
                        "the messages have a system message of their own; leave --system out");
    }
    messages.insert(messages.begin(), json::Object{{"role", "system"}, {"content", *style.system}});
  }
  return encode_chat(session, std::move(messages));
}

}  // namespace chitu::app
