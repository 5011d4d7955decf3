#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/checkpoint.h"
#include "io/test_files.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;

json::Array conversation() {
  return {{{"role", "system"}, {"content", "Be brief."}}, {{"role", "user"}, {"content", "Hi"}}};
}

std::string rendered(std::string_view source, const ChatInput& input, json::Object tokens = {}) {
  const auto compiled = ChatTemplate::compile(source, std::move(tokens));
  if (!compiled.ok()) return "compile: " + compiled.error().message;
  const auto text = compiled->render(input);
  return text.ok() ? *text : "render: " + text.error().message;
}

TEST(ChatTemplate, GivesTheVariablesOfTransformers) {
  const ChatInput input{.messages = conversation(), .add_generation_prompt = true};
  EXPECT_EQ(
      rendered("{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m['content'] }};{% endfor %}"
               "{{ tools }}{{ documents }}{{ add_generation_prompt }}",
               input, {{"bos_token", "<s>"}}),
      "<s>system:Be brief.;user:Hi;NoneNoneTrue");
}

TEST(ChatTemplate, TakesVariablesOfARequest) {
  ChatInput input{.messages = conversation()};
  input.variables = {{"enable_thinking", false}};
  EXPECT_EQ(rendered("{{ enable_thinking }}", input), "False");
}

TEST(ChatTemplate, RefusesVariablesThatReplaceItsEnvironment) {
  for (const char* name : {"messages", "tools", "documents", "add_generation_prompt", "bos_token",
                           "raise_exception", "strftime_now", "range", "namespace", "loop"}) {
    ChatInput input{.messages = conversation()};
    input.variables[name] = "x";
    EXPECT_THAT(rendered("", input), HasSubstr(std::string("'") + name + "'")) << name;
  }
}

TEST(ChatTemplate, FindsReasoningUnderItsNames) {
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    const ChatInput input{.messages = {{{"role", "assistant"}, {name, "hm"}}}};
    EXPECT_EQ(rendered("{{ messages[0].reasoning_content }}{{ messages[0].thinking }}", input),
              "hmhm");
  }
}

// As transformers' _alias_reasoning_fields has it, to the order of the keys: templates print whole
// messages.
TEST(ChatTemplate, AddsReasoningToMessagesThatHaveItAndToNoOthers) {
  const ChatInput input{.messages = {{{"role", "user"}, {"content", "Hi"}},
                                     {{"role", "assistant"}, {"reasoning", "hm"}},
                                     {{"thinking", nullptr}, {"reasoning_content", ""}},
                                     {{"reasoning", nullptr}}}};
  EXPECT_EQ(
      rendered("{% for m in messages %}{{ m|tojson }}{% endfor %}", input),
      R"({"role": "user", "content": "Hi"})"
      R"({"thinking": "hm", "role": "assistant", "reasoning": "hm", "reasoning_content": "hm"})"
      R"({"thinking": null, "reasoning_content": ""})"
      R"({"reasoning": null})");
}

TEST(ChatTemplate, PassesOnWhatTheTemplateRefuses) {
  EXPECT_EQ(rendered("\n{{ raise_exception('only user roles') }}", {.messages = conversation()}),
            "render: chat template: line 2: the template refused: only user roles");
}

TEST(ChatTemplate, ChoosesTheToolTemplateForTools) {
  const std::vector<NamedTemplate> templates = {{"default", "plain"}, {"tool_use", "with tools"}};
  const auto compiled = ChatTemplate::compile(templates, {});
  ASSERT_TRUE(compiled.ok());
  ChatInput input{.messages = conversation()};
  EXPECT_EQ(*compiled->render(input), "plain");
  input.tools = json::Array{json::Object{{"name", "f"}}};
  EXPECT_EQ(*compiled->render(input), "with tools");
}

TEST(ChatTemplate, NamesWhatItHasWhenThereIsNoDefault) {
  const std::vector<NamedTemplate> templates = {{"rag", ""}};
  const auto compiled = ChatTemplate::compile(templates, {});
  ASSERT_FALSE(compiled.ok());
  EXPECT_THAT(compiled.error().message, HasSubstr("rag"));
}

TEST(ChatTemplate, RefusesMessagesThatAreNotObjects) {
  EXPECT_EQ(rendered("", {.messages = {"hello"}}),
            "render: messages[0]: expected an object, found a string");
}

TEST(ChatTemplates, ReadsTheFieldOfATokenizerConfig) {
  const auto one = chat_templates_of({{"chat_template", "x"}});
  ASSERT_TRUE(one.ok());
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ(one->front().name, "default");

  const auto several = chat_templates_of(
      {{"chat_template",
        {{{"name", "default"}, {"template", "a"}}, {{"name", "rag"}, {"template", "b"}}}}});
  ASSERT_TRUE(several.ok());
  ASSERT_EQ(several->size(), 2u);
  EXPECT_EQ(several->back().source, "b");

  EXPECT_TRUE(chat_templates_of({}).value().empty());
  EXPECT_FALSE(chat_templates_of({{"chat_template", 5}}).ok());
  EXPECT_FALSE(chat_templates_of({{"chat_template", {{{"name", "x"}}}}}).ok());
}

TEST(ChatTemplates, ReadsSpecialTokensInBothSpellings) {
  const json::Object tokens =
      special_tokens_of({{"bos_token", "<s>"},
                         {"eos_token", {{"content", "</s>"}, {"lstrip", false}}},
                         {"unk_token", nullptr},
                         {"other", "x"}});
  EXPECT_EQ(tokens, (json::Object{{"bos_token", "<s>"}, {"eos_token", "</s>"}}));
}

Result<std::optional<ChatTemplate>> load(std::string_view path) {
  const auto checkpoint = Checkpoint::open(std::filesystem::path(CHITU_SOURCE_DIR) / path);
  if (!checkpoint.ok()) return checkpoint.error();
  return ChatTemplate::load(*checkpoint);
}

TEST(ChatTemplates, LoadFromACheckpoint) {
  const auto loaded = load("models/tiny-random");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  ASSERT_TRUE(loaded->has_value());
  EXPECT_EQ(*(*loaded)->render({.messages = {{{"role", "user"}, {"content", "Hi"}}}}),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

// What a Hugging Face checkpoint with these files beside an empty model renders.
std::string rendered_with(const std::vector<std::pair<const char*, std::string_view>>& files,
                          const ChatInput& input) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() / "additional_chat_templates");
  directory.write("config.json", R"({"architectures": ["LlamaForCausalLM"]})");
  directory.write("model.safetensors", std::string("\2\0\0\0\0\0\0\0{}", 10));
  for (const auto& [name, content] : files) directory.write(name, content);
  const auto checkpoint = Checkpoint::open(directory.path());
  if (!checkpoint.ok()) return checkpoint.error().message;
  const auto loaded = ChatTemplate::load(*checkpoint);
  if (!loaded.ok()) return loaded.error().message;
  if (!loaded->has_value()) return "no template";
  return (*loaded)->render(input).value();
}

TEST(ChatTemplates, InFilesReplaceThoseOfTheTokenizerConfig) {
  constexpr std::string_view kConfig =
      R"({"bos_token": "<s>", "chat_template": [{"name": "default", "template": "old"},
          {"name": "tool_use", "template": "old tools"}]})";
  const ChatInput plain{.messages = conversation()};
  const ChatInput tools{.messages = conversation(), .tools = json::Array{json::Object()}};
  EXPECT_EQ(rendered_with({{"tokenizer_config.json", kConfig}}, tools), "old tools");
  EXPECT_EQ(rendered_with(
                {{"tokenizer_config.json", kConfig}, {"chat_template.jinja", "{{ bos_token }}new"}},
                tools),
            "<s>new");
  const std::vector<std::pair<const char*, std::string_view>> files = {
      {"tokenizer_config.json", kConfig},
      {"chat_template.jinja", "new"},
      {"additional_chat_templates/tool_use.jinja", "new tools"},
      {"additional_chat_templates/README.md", "{% not a template"}};
  EXPECT_EQ(rendered_with(files, plain), "new");
  EXPECT_EQ(rendered_with(files, tools), "new tools");
  EXPECT_THAT(rendered_with({{"tokenizer_config.json", kConfig},
                             {"additional_chat_templates/rag.jinja", "x"}},
                            plain),
              HasSubstr("there is none named 'default'; it has: rag"));
  EXPECT_EQ(rendered_with({}, plain), "no template");
}

// The special tokens that a template is given, of a GGUF file with two tokens and these ids.
std::string tokens_of_gguf(const std::vector<std::pair<const char*, int64_t>>& ids) {
  GgufBytes gguf;
  gguf.string("general.architecture", "llama");
  gguf.string("tokenizer.chat_template",
              "{{ bos_token }}|{{ eos_token }}|{{ unk_token }}|{{ pad_token }}");
  gguf.array("tokenizer.ggml.tokens", GgufType::kString, 2,
             GgufBytes::text("<s>") + GgufBytes::text("</s>"));
  for (const auto& [name, id] : ids) {
    gguf.integer(fmt::format("tokenizer.ggml.{}_token_id", name), GgufType::kInt64, id);
  }
  const TemporaryDirectory directory;
  const auto checkpoint = Checkpoint::open(directory.write("model.gguf", gguf.bytes()));
  if (!checkpoint.ok()) return checkpoint.error().message;
  const auto loaded = ChatTemplate::load(*checkpoint);
  if (!loaded.ok()) return loaded.error().message;
  return *(*loaded)->render({.messages = conversation()});
}

TEST(ChatTemplates, OfAGgufFileNameItsTokens) {
  EXPECT_EQ(tokens_of_gguf({{"bos", 0}, {"eos", 1}, {"unknown", 0}, {"padding", 1}}),
            "<s>|</s>|<s>|</s>");
  EXPECT_EQ(tokens_of_gguf({}), "|||");
}

TEST(ChatTemplates, LeaveOutTokensWhoseIdsLieOutsideTheVocabulary) {
  EXPECT_EQ(tokens_of_gguf({{"bos", 2}, {"eos", 1}, {"unknown", -1}, {"padding", 4294967295}}),
            "|</s>||");
  EXPECT_EQ(tokens_of_gguf({{"bos", INT64_MAX}, {"eos", INT64_MIN}}), "|||");
}

TEST(ChatTemplates, AreAbsentFromACheckpointWithoutOne) {
  const auto loaded = load("tests/golden/models/llama-k-quants.gguf");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_FALSE(loaded->has_value());
}

}  // namespace
}  // namespace chitu
