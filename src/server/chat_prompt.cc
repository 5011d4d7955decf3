#include "server/chat_prompt.h"

#include <fmt/format.h>

#include <utility>

namespace chitu {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(kBlank) == std::string_view::npos;
}

constexpr std::string_view kContinueField = "continue_final_message";

// Stands behind the last message's text while it is rendered. The blanks at its end tell whether
// the template trims, as `transformers` finds out (apply_chat_template, continue_final_message).
constexpr std::string_view kMarkerWord = "CHITU_CONTINUES_HERE";
constexpr std::string_view kMarker = "CHITU_CONTINUES_HERE \t";

// The messages with the marker, or why they cannot be continued.
ApiResult<json::Array> with_marker(json::Array messages) {
  json::Value* content = messages.back().get_object().if_contains("content");
  if (content == nullptr || !content->is_string()) {
    return invalid_value(kContinueField, "the last message has no text that could be continued");
  }
  if (is_blank(content->get_string())) {
    return invalid_value(kContinueField, "the last message has no text to be continued");
  }
  content->get_string().append(kMarker);
  return messages;
}

// The text up to the marker: what the template closes the message with is cut off. Blanks at the
// message's end stay where the template keeps them.
ApiResult<std::string> up_to_marker(std::string text) {
  const size_t at = text.rfind(kMarkerWord);
  if (at == std::string::npos) {
    return invalid_value(kContinueField,
                         "the chat template does not show the last message as it is");
  }
  const bool is_trimmed = !std::string_view(text).substr(at).starts_with(kMarker);
  text.resize(at);
  if (is_trimmed) text.resize(text.find_last_not_of(kBlank) + 1);  // 0 where all is blank
  return text;
}

}  // namespace

ApiResult<std::string> render_chat(const ChatTemplate& chat_template, const ChatPrompt& prompt) {
  ChatInput input{.messages = prompt.messages,
                  .documents = prompt.documents,
                  .add_generation_prompt = prompt.add_generation_prompt,
                  .variables = prompt.template_variables};
  if (prompt.continue_final_message) {
    TRY(marked, with_marker(std::move(input.messages)));
    input.messages = std::move(marked);
  }
  auto text = chat_template.render(input);
  if (!text.ok()) {
    HttpError error = from_error(text.error());
    error.param = "messages";
    return error;
  }
  if (!prompt.continue_final_message) return *std::move(text);
  return up_to_marker(*std::move(text));
}

std::optional<HttpError> check_length(std::string_view text, const RequestLimits& limits,
                                      std::string_view param) {
  if (static_cast<int64_t>(text.size()) <= limits.max_prompt_bytes) return std::nullopt;
  return context_length_exceeded(param, fmt::format("{} bytes", text.size()), limits.max_seq_len);
}

ApiResult<std::vector<int32_t>> encode_prompt(const Tokenizer& tokenizer, std::string_view text,
                                              bool add_special_tokens, const RequestLimits& limits,
                                              std::string_view param) {
  if (auto error = check_length(text, limits, param)) return *std::move(error);
  auto tokens =
      tokenizer.encode(text, {.add_special_tokens = add_special_tokens, .parse_special = true});
  if (!tokens.ok()) return from_error(tokens.error(), param);
  if (tokens->empty()) return invalid_value(param, "there are no tokens in it");
  if (static_cast<int64_t>(tokens->size()) >= limits.max_seq_len) {
    return context_length_exceeded(param, fmt::format("{} tokens", tokens->size()),
                                   limits.max_seq_len);
  }
  return *std::move(tokens);
}

}  // namespace chitu
