#include "app/prompt_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace chitu::app {
namespace {

using ::testing::HasSubstr;

Result<std::vector<FilePrompt>> read(const std::string& content, std::string_view name) {
  std::istringstream file(content);
  return read_prompts(file, name);
}

std::string error_of(const std::string& content, std::string_view name = "a.jsonl") {
  const auto prompts = read(content, name);
  return prompts.ok() ? "" : prompts.error().message;
}

std::string messages_of(const std::string& content) {
  return boost::json::serialize(read(content, "a.jsonl").value().at(0).prompt.messages);
}

TEST(ReadPrompts, TakesEachLineThatIsNotBlank) {
  const auto prompts = read("one\r\n\n \t\n{\"prompt\": \"two\"}", "a.txt").value();
  ASSERT_EQ(prompts.size(), 2U);
  EXPECT_EQ(prompts[0].prompt.text, "one");
  EXPECT_EQ(prompts[0].where, "a.txt:1");
  EXPECT_EQ(prompts[1].prompt.text, "{\"prompt\": \"two\"}");
  EXPECT_EQ(prompts[1].where, "a.txt:4");
}

TEST(ReadPrompts, KnowsJsonLinesByTheNameOrByTheFirstByte) {
  const std::string line = R"({"prompt": "one"})";
  EXPECT_EQ(read(line, "a.jsonl").value()[0].prompt.text, "one");
  EXPECT_EQ(read(line, "standard input").value()[0].prompt.text, "one");
  EXPECT_EQ(read("one\n" + line, "standard input").value()[1].prompt.text, line);
  EXPECT_EQ(read(line, "a.txt").value()[0].prompt.text, line);
}

TEST(ReadPrompts, ReadsMessages) {
  EXPECT_EQ(messages_of(R"({"messages": [{"role": "user", "content": "hi", "name": "Ada"}]})"),
            R"([{"role":"user","content":"hi","name":"Ada"}])");
  EXPECT_EQ(messages_of(R"({"messages": [{"role": "user", "content": )"
                        R"([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}]})"),
            R"([{"role":"user","content":"one\ntwo"}])");
  const std::string call = R"([{"role":"assistant","content":null,"tool_calls":[{"id":1}]}])";
  EXPECT_EQ(messages_of("{\"messages\":" + call + "}"), call);
}

TEST(ReadPrompts, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(error_of("{\"prompt\": \"fine\"}\n{"), HasSubstr("a.jsonl:2: "));
  EXPECT_THAT(error_of(R"({"prompt": "t", "temperature": 1})"),
              HasSubstr("a.jsonl:1: unknown field 'temperature': a line has \"prompt\" or"));
  EXPECT_THAT(error_of(R"({"foo": 1})"), HasSubstr("\"prompt\" or \"messages\""));
  EXPECT_THAT(error_of("{}"), HasSubstr("\"prompt\" or \"messages\", found neither"));
  EXPECT_THAT(error_of(R"({"prompt": "t", "messages": []})"), HasSubstr("found both"));
  EXPECT_THAT(error_of(R"({"prompt": "a", "prompt": "b"})"), HasSubstr("'prompt' occurs twice"));
  EXPECT_THAT(error_of(R"({"prompt": ""})"), HasSubstr("prompt: there is no text"));
  EXPECT_THAT(error_of(R"({"prompt": null})"), HasSubstr("prompt: expected a string"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected an object"));
}

TEST(ReadPrompts, RefusesMessagesThatNoTemplateKnows) {
  const auto error = [](const std::string& messages) {
    return error_of("{\"messages\": " + messages + "}");
  };
  EXPECT_THAT(error("[]"), HasSubstr("messages: expected at least one"));
  EXPECT_THAT(error(R"([{"role": "user", "content": "a"}, {"role": "bogus", "content": "b"}])"),
              HasSubstr("a.jsonl:1: messages[1]: role: expected one of system, "));
  EXPECT_THAT(error(R"([{"role": "user"}])"), HasSubstr("messages[0]: content: expected a string"));
  EXPECT_THAT(error(R"([{"role": "user", "content": [{"type": "image_url"}]}])"),
              HasSubstr("messages[0]: content: a part of type 'image_url'"));
  EXPECT_THAT(error(R"([{"role": "user", "content": [{"type": "text"}]}])"),
              HasSubstr("text: expected a string"));
}

TEST(ReadPrompts, RefusesTextThatIsNotUtf8) {
  EXPECT_THAT(error_of("fine\ncaf\xe9\n", "a.txt"),
              HasSubstr("a.txt:2: not valid UTF-8: byte 4 is 0xe9"));
  EXPECT_THAT(error_of("{\"prompt\": \"caf\xe9\"}"), HasSubstr("a.jsonl:1: "));
}

TEST(ReadPrompts, SaysWhyThereAreNone) {
  EXPECT_THAT(error_of("\n\n", "a.txt"), HasSubstr("a.txt: no prompts in it"));
  EXPECT_THAT(read_prompt_file("/tmp").error().message,
              HasSubstr("/tmp: cannot be read: Is a directory"));
  EXPECT_THAT(read_prompt_file("/no/such/file").error().message,
              HasSubstr("/no/such/file: cannot be read: No such file"));
}

}  // namespace
}  // namespace chitu::app
