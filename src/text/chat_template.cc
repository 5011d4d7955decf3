#include "text/chat_template.h"

#include <algorithm>
#include <array>

#include "text/jinja/globals.h"

namespace chitu {
namespace {

constexpr std::array<std::string_view, 3> kReasoning = {"reasoning_content", "thinking",
                                                        "reasoning"};
constexpr std::array<std::string_view, 8> kTokens = {
    "bos_token", "eos_token", "unk_token",  "sep_token",
    "pad_token", "cls_token", "mask_token", "additional_special_tokens"};

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm out = {};
  localtime_r(&now, &out);
  return out;
}

// "<s>" or {"content": "<s>", ...}; nullptr for anything else.
const json::Value* token_text(const json::Value& value) {
  if (value.is_string()) return &value;
  if (!value.is_object()) return nullptr;
  const json::Value* content = value.get_object().if_contains("content");
  return content != nullptr && content->is_string() ? content : nullptr;
}

// Reasoning goes by several names; templates read the first, gpt-oss's the second. A message that
// has it gets both names, at the places where transformers 5 (_alias_reasoning_fields) puts them;
// every other message is given to the template as it is.
json::Object with_reasoning(const json::Object& message) {
  for (const std::string_view key : kReasoning) {
    const json::Value* reasoning = message.if_contains(key);
    if (reasoning == nullptr || reasoning->is_null()) continue;
    json::Object out;
    out["thinking"] = *reasoning;
    for (const auto& [name, value] : message) out[name] = value;
    out["reasoning_content"] = *reasoning;
    return out;
  }
  return message;
}

Result<json::Array> prepared(const json::Array& messages) {
  json::Array out;
  out.reserve(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!messages[i].is_object()) {
      return make_error(ErrorCode::kInvalidArgument, "messages[{}]: expected an object, found {}",
                        i, json::kind_name(messages[i]));
    }
    out.push_back(with_reasoning(messages[i].get_object()));
  }
  return out;
}

bool is_reserved(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kOwn = {
      "messages", "tools", "documents", "add_generation_prompt", "loop", "self", "caller"};
  const auto globals = jinja::globals();
  return std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end() ||
         std::find(kTokens.begin(), kTokens.end(), name) != kTokens.end() ||
         std::any_of(globals.begin(), globals.end(), [&](const auto& g) { return g.name == name; });
}

Status add_variables(const json::Object& variables, json::Object& context) {
  for (const auto& [key, value] : variables) {
    const std::string_view name(key.data(), key.size());
    if (is_reserved(name)) {
      return make_error(ErrorCode::kInvalidArgument,
                        "chat_template_kwargs: '{}' belongs to the template's own environment and "
                        "cannot be replaced",
                        name);
    }
    context[name] = value;
  }
  return {};
}

const NamedTemplate* find(std::span<const NamedTemplate> templates, std::string_view name) {
  const auto it = std::find_if(templates.begin(), templates.end(),
                               [&](const NamedTemplate& t) { return t.name == name; });
  return it == templates.end() ? nullptr : &*it;
}

Result<jinja::Template> compile_one(const NamedTemplate& named) {
  auto compiled = jinja::Template::compile(named.source);
  if (compiled.ok()) return compiled;
  return std::move(compiled).error().within(
      named.name == "default" ? "chat template" : fmt::format("chat template '{}'", named.name));
}

}  // namespace

Result<ChatTemplate> ChatTemplate::compile(std::string_view source, json::Object special_tokens) {
  const NamedTemplate only{"default", std::string(source)};
  return compile(std::span(&only, 1), std::move(special_tokens));
}

Result<ChatTemplate> ChatTemplate::compile(std::span<const NamedTemplate> templates,
                                           json::Object special_tokens) {
  const NamedTemplate* main = find(templates, "default");
  if (main == nullptr) {
    std::string names;
    for (const NamedTemplate& t : templates) {
      if (!names.empty()) names += ", ";
      names += t.name;
    }
    return make_error(ErrorCode::kNotFound,
                      "chat_template: there is none named 'default'; it has: {}",
                      names.empty() ? "none" : names);
  }
  TRY(compiled, compile_one(*main));
  ChatTemplate result(std::move(compiled), std::move(special_tokens));
  if (const NamedTemplate* tools = find(templates, "tool_use")) {
    TRY(compiled_tools, compile_one(*tools));
    result.tool_use_ = std::move(compiled_tools);
  }
  return result;
}

Result<std::string> ChatTemplate::render(const ChatInput& input, const jinja::Clock& clock) const {
  json::Object context = special_tokens_;
  TRY_STATUS(add_variables(input.variables, context));
  TRY(messages, prepared(input.messages));
  context["messages"] = std::move(messages);
  context["tools"] = input.tools ? json::Value(*input.tools) : json::Value(nullptr);
  context["documents"] = input.documents ? json::Value(*input.documents) : json::Value(nullptr);
  context["add_generation_prompt"] = input.add_generation_prompt;

  const jinja::Template& chosen = input.tools && tool_use_ ? *tool_use_ : default_;
  auto text = chosen.render(context, clock ? clock : jinja::Clock(local_time));
  if (text.ok()) return text;
  return std::move(text).error().within("chat template");
}

Result<std::vector<NamedTemplate>> chat_templates_of(const json::Object& tokenizer_config) {
  std::vector<NamedTemplate> templates;
  const json::Value* field = json::Fields(tokenizer_config).find("chat_template");
  if (field == nullptr) return templates;
  if (field->is_string()) {
    templates.push_back({"default", std::string(std::string_view(field->get_string()))});
    return templates;
  }
  if (!field->is_array()) {
    return make_error(ErrorCode::kCorrupt, "chat_template: expected a string or a list, found {}",
                      json::kind_name(*field));
  }
  for (const json::Value& item : field->get_array()) {
    const auto fields = json::Fields::of(item);
    if (!fields.ok()) return Error(fields.error()).within("chat_template");
    auto name = fields->string("name");
    if (!name.ok()) return std::move(name).error().within("chat_template");
    auto source = fields->string("template");
    if (!source.ok()) return std::move(source).error().within("chat_template");
    templates.push_back({std::move(name).value(), std::move(source).value()});
  }
  return templates;
}

json::Object special_tokens_of(const json::Object& tokenizer_config) {
  json::Object tokens;
  for (const std::string_view key : kTokens) {
    const json::Value* value = tokenizer_config.if_contains(key);
    if (value == nullptr) continue;
    if (const json::Value* text = token_text(*value)) {
      tokens[key] = *text;
    } else if (value->is_array()) {
      json::Array list;
      for (const json::Value& item : value->get_array()) {
        if (const json::Value* token = token_text(item)) list.push_back(*token);
      }
      tokens[key] = std::move(list);
    }
  }
  return tokens;
}

}  // namespace chitu
