#include "server/chat_prompt.h"

#include <fmt/format.h>

#include <utility>

namespace chitu {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// The text up to the end of the last message's own: what the template closes it with is cut off.
// Templates may trim contents, so blanks at its ends do not count, but stay where they were kept.
ApiResult<std::string> without_ending(std::string text, const json::Array& messages) {
  constexpr std::string_view kField = "continue_final_message";
  const json::Value* content = messages.back().get_object().if_contains("content");
  if (content == nullptr || !content->is_string()) {
    return invalid_value(kField, "the last message has no text that could be continued");
  }
  const std::string_view whole = content->get_string();
  const std::string_view core = trimmed(whole);
  if (core.empty()) return invalid_value(kField, "the last message has no text to be continued");
  const size_t at = text.rfind(core);
  if (at == std::string::npos) {
    return invalid_value(kField, "the chat template does not show the last message as it is");
  }
  const std::string_view ending = whole.substr(whole.find(core) + core.size());
  size_t end = at + core.size();
  if (std::string_view(text).substr(end).starts_with(ending)) end += ending.size();
  text.resize(end);
  return text;
}

}  // namespace

ApiResult<std::string> render_chat(const ChatTemplate& chat_template, const ChatPrompt& prompt) {
  auto text = chat_template.render({.messages = prompt.messages,
                                    .documents = prompt.documents,
                                    .add_generation_prompt = prompt.add_generation_prompt,
                                    .variables = prompt.template_variables});
  if (!text.ok()) {
    HttpError error = from_error(text.error());
    error.param = "messages";
    return error;
  }
  if (!prompt.continue_final_message) return *std::move(text);
  return without_ending(*std::move(text), prompt.messages);
}

ApiResult<std::vector<int32_t>> encode_prompt(const Tokenizer& tokenizer, std::string_view text,
                                              bool add_special_tokens,
                                              const RequestLimits& limits) {
  constexpr std::string_view kField = "prompt";
  if (static_cast<int64_t>(text.size()) > limits.max_prompt_bytes) {
    return context_length_exceeded(kField, fmt::format("{} bytes", text.size()),
                                   limits.max_seq_len);
  }
  auto tokens =
      tokenizer.encode(text, {.add_special_tokens = add_special_tokens, .parse_special = true});
  if (!tokens.ok()) return from_error(tokens.error(), kField);
  if (tokens->empty()) return invalid_value(kField, "there are no tokens in it");
  if (static_cast<int64_t>(tokens->size()) >= limits.max_seq_len) {
    return context_length_exceeded(kField, fmt::format("{} tokens", tokens->size()),
                                   limits.max_seq_len);
  }
  return *std::move(tokens);
}

}  // namespace chitu
