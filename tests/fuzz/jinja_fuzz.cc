// Any bytes as a chat template, over a conversation or over the JSON that follows a NUL byte. What
// it renders is valid UTF-8, within the limits, and the same every time.
#include <string>

#include "base/check.h"
#include "io/json.h"
#include "text/jinja/template.h"
#include "text/utf8.h"

namespace {

using chitu::jinja::Template;

constexpr chitu::jinja::Limits kLimits = {
    .max_steps = 20'000, .max_output_bytes = 1 << 18, .max_live_bytes = 1 << 22};

constexpr std::string_view kConversation = R"({
  "messages": [
    {"role": "system", "content": "Be \"kind\" <b>"},
    {"role": "user", "content": "Grüße 👍\n", "n": 1.5},
    {"role": "assistant", "content": null, "tool_calls": [
      {"function": {"name": "f", "arguments": {"a": [1, true, null]}}}]}],
  "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
  "documents": null, "add_generation_prompt": true, "bos_token": "<s>", "i": 7,
  "l": [3, 1, 2], "d": {"b": 1, "a": "x"}, "s": "Hello, World"})";

std::tm epoch() { return {}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const auto compiled = Template::compile(input.substr(0, end), kLimits);
  if (!compiled.ok()) return 0;
  const std::string_view json =
      end == std::string_view::npos ? kConversation : input.substr(end + 1);
  const auto context = chitu::json::parse(json);
  if (!context.ok() || !context->is_object()) return 0;

  const auto text = compiled->render(context->get_object(), epoch);
  const auto again = compiled->render(context->get_object(), epoch);
  CHECK(text.ok() == again.ok());
  if (!text.ok()) return 0;
  CHECK(*text == *again);
  CHECK(chitu::utf8::valid_prefix(*text) == text->size());
  CHECK(text->size() <= static_cast<size_t>(kLimits.max_output_bytes));
  return 0;
}
