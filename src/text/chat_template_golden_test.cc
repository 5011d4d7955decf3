// Real models' chat templates and templates that a grammar made up, against Python's jinja2:
// tests/golden/chat_templates says where they come from.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "text/chat_template.h"
#include "text/jinja/fixed_clock.h"

namespace chitu {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(CHITU_SOURCE_DIR) / "tests/golden/chat_templates";

json::Object read(const char* name) {
  auto value = json::parse_file(kFolder / name);
  EXPECT_TRUE(value.ok()) << value.error().message;
  return value.ok() ? value->get_object() : json::Object();
}

std::string read_template(std::string_view name) {
  std::ifstream file(kFolder / "templates" / name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<json::Array> optional_array(const json::Value& value) {
  if (value.is_null()) return std::nullopt;
  return value.get_array();
}

ChatInput input_of(const json::Object& conversation) {
  return {.messages = conversation.at("messages").get_array(),
          .tools = optional_array(conversation.at("tools")),
          .documents = optional_array(conversation.at("documents")),
          .add_generation_prompt = conversation.at("add_generation_prompt").get_bool(),
          .variables = conversation.at("kwargs").get_object()};
}

void expect_same(const Result<std::string>& text, const json::Value& expected) {
  if (expected.is_null()) {
    EXPECT_FALSE(text.ok()) << "Python fails; rendered: " << *text;
  } else {
    ASSERT_TRUE(text.ok()) << text.error().message;
    EXPECT_EQ(*text, std::string_view(expected.get_string()));
  }
}

TEST(ChatTemplateGolden, RealTemplates) {
  const json::Object golden = read("cases.json");
  const json::Array& conversations = golden.at("conversations").get_array();
  for (const json::Value& item : golden.at("cases").get_array()) {
    const json::Object& entry = item.get_object();
    const std::string_view name = entry.at("template").get_string();
    const auto compiled =
        ChatTemplate::compile(read_template(name), golden.at("tokens").get_object());
    ASSERT_TRUE(compiled.ok()) << name << ": " << compiled.error().message;
    const json::Array& rendered = entry.at("rendered").get_array();
    ASSERT_EQ(rendered.size(), conversations.size());
    for (size_t i = 0; i < rendered.size(); ++i) {
      const json::Object& conversation = conversations[i].get_object();
      SCOPED_TRACE(testing::Message() << name << ", " << conversation.at("name"));
      expect_same(compiled->render(input_of(conversation), jinja::fixed_clock), rendered[i]);
    }
  }
}

// What a template may cost leaves room for what models are used for: 3 MB of text, near the
// greatest output.
TEST(ChatTemplateGolden, LongConversationsStayWithinTheLimits) {
  std::string text;
  while (text.size() < 1'000'000) text += "Grüße, <b>world</b>. ";
  const ChatInput input{.messages = {{{"role", "user"}, {"content", text}},
                                     {{"role", "assistant"}, {"content", text}},
                                     {{"role", "user"}, {"content", text}}},
                        .add_generation_prompt = true};
  const json::Object golden = read("cases.json");
  for (const json::Value& item : golden.at("cases").get_array()) {
    const std::string_view name = item.get_object().at("template").get_string();
    const auto compiled =
        ChatTemplate::compile(read_template(name), golden.at("tokens").get_object());
    ASSERT_TRUE(compiled.ok()) << name;
    const auto rendered = compiled->render(input, jinja::fixed_clock);
    if (rendered.ok()) continue;  // one fails without tools, as in Python
    EXPECT_NE(rendered.error().code, ErrorCode::kResourceExhausted)
        << name << ": " << rendered.error().message;
  }
}

TEST(ChatTemplateGolden, MadeUpTemplates) {
  const json::Object golden = read("made_up.json");
  const json::Object& context = golden.at("context").get_object();
  for (const json::Value& item : golden.at("cases").get_array()) {
    const json::Object& entry = item.get_object();
    const std::string_view source = entry.at("template").get_string();
    SCOPED_TRACE(testing::Message() << "template: " << source);
    const auto compiled = jinja::Template::compile(source);
    if (compiled.ok()) {
      expect_same(compiled->render(context, jinja::fixed_clock), entry.at("rendered"));
    } else {
      EXPECT_TRUE(entry.at("rendered").is_null()) << compiled.error().message;
    }
  }
}

}  // namespace
}  // namespace chitu
