// Renders templates for the comparison with Python's jinja2 (compare.py and fuzz_templates.py).
//
// Reads one JSON object a line from standard input: {"template": "...", "context": {...}}, or with
// "chat": {"messages", "tools", "documents", "add_generation_prompt", "kwargs", "tokens"} in place
// of the context. Writes one a line: {"output": "..."} or {"error": "...", "code": "..."}.
// The clock stands still (fixed_clock.h).
#include <fmt/format.h>

#include <iostream>
#include <string>

#include "text/chat_template.h"
#include "text/jinja/fixed_clock.h"

namespace chitu {
namespace {

std::string_view code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kResourceExhausted:
      return "limit";
    default:
      return "error";
  }
}

std::optional<json::Array> optional_array(const json::Object& object, std::string_view key) {
  const json::Value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return value->get_array();
}

Result<std::string> render(const json::Object& line) {
  const std::string_view source = line.at("template").get_string();
  const json::Value* chat = line.if_contains("chat");
  if (chat == nullptr) {
    TRY(compiled, jinja::Template::compile(source));
    return compiled.render(line.at("context").get_object(), jinja::fixed_clock);
  }
  const json::Object& fields = chat->get_object();
  ChatInput input;
  input.messages = fields.at("messages").get_array();
  input.tools = optional_array(fields, "tools");
  input.documents = optional_array(fields, "documents");
  input.add_generation_prompt = fields.at("add_generation_prompt").get_bool();
  input.variables = fields.at("kwargs").get_object();
  TRY(compiled, ChatTemplate::compile(source, fields.at("tokens").get_object()));
  return compiled.render(input, jinja::fixed_clock);
}

json::Object answer(const std::string& text) {
  const auto line = json::parse(text);
  if (!line.ok()) return {{"error", line.error().message}, {"code", "input"}};
  const auto rendered = render(line->get_object());
  if (rendered.ok()) return {{"output", *rendered}};
  return {{"error", rendered.error().message}, {"code", code_name(rendered.error().code)}};
}

}  // namespace
}  // namespace chitu

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << boost::json::serialize(chitu::answer(line)) << '\n';
  }
}
