// Turns a conversation into the text that a chat model was trained on, by the Jinja template that
// its checkpoint carries, with the variables that `transformers` gives it.
#pragma once

#include <ctime>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/json.h"
#include "text/jinja/template.h"

namespace chitu {

class Checkpoint;

struct ChatInput {
  // Objects with "role" and "content", and what else the template reads: "tool_calls",
  // "reasoning_content", ...
  json::Array messages;
  std::optional<json::Array> tools;      // JSON schemas of functions
  std::optional<json::Array> documents;  // objects with "title" and "text"
  bool add_generation_prompt = true;     // end with the beginning of the assistant's answer
  json::Object variables;                // chat_template_kwargs of a request: enable_thinking, ...
};

// A template under its name: "default", "tool_use", ...
struct NamedTemplate {
  std::string name;
  std::string source;
};

class ChatTemplate {
 public:
  // The templates of a checkpoint: chat_template.jinja and additional_chat_templates/NAME.jinja;
  // or, without any of these files, the field chat_template of tokenizer_config.json (a template,
  // or a list of named ones); or tokenizer.chat_template of a GGUF file. Nothing when it has none:
  // then it is no chat model.
  static Result<std::optional<ChatTemplate>> load(const Checkpoint& checkpoint);

  // `special_tokens`: the text of "bos_token", "eos_token", ... as variables of the template.
  static Result<ChatTemplate> compile(std::string_view source, json::Object special_tokens);
  // "default" serves every conversation; "tool_use", where it exists, those with tools.
  static Result<ChatTemplate> compile(std::span<const NamedTemplate> templates,
                                      json::Object special_tokens);

  // Errors: kInvalidArgument for variables that would replace those of the template's environment,
  // and when the template refuses the conversation; kResourceExhausted when it is past a limit.
  // `clock` answers strftime_now; by default the local time.
  Result<std::string> render(const ChatInput& input, const jinja::Clock& clock = {}) const;

 private:
  ChatTemplate(jinja::Template default_template, json::Object special_tokens)
      : default_(std::move(default_template)), special_tokens_(std::move(special_tokens)) {}

  jinja::Template default_;
  std::optional<jinja::Template> tool_use_;
  json::Object special_tokens_;
};

// The field chat_template of a tokenizer_config.json; empty when it has none.
Result<std::vector<NamedTemplate>> chat_templates_of(const json::Object& tokenizer_config);

// The tokens that a tokenizer_config.json or special_tokens_map.json names, as text.
json::Object special_tokens_of(const json::Object& tokenizer_config);

}  // namespace chitu
