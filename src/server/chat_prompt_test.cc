#include "server/chat_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kTemplate =
    "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}{{ style }}";

ChatPrompt conversation(std::string_view last = "Sure: ") {
  ChatPrompt prompt;
  prompt.messages = {{{"role", "user"}, {"content", "Hi"}},
                     {{"role", "assistant"}, {"content", last}}};
  return prompt;
}

ApiResult<std::string> render(const ChatPrompt& prompt, std::string_view source = kTemplate) {
  return render_chat(ChatTemplate::compile(source, {}).value(), prompt);
}

TEST(RenderChat, GivesTheTemplateItsVariables) {
  ChatPrompt prompt = conversation();
  prompt.template_variables = {{"style", "!"}};
  EXPECT_EQ(*render(prompt), "<user>Hi</user><assistant>Sure:</assistant><assistant>!");
  prompt.template_variables = {{"messages", "!"}};
  const auto refused = render(prompt);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, 400);
  EXPECT_THAT(refused.error().message, HasSubstr("chat_template_kwargs"));
}

TEST(RenderChat, EndsWithTheMessageThatIsContinued) {
  ChatPrompt prompt = conversation();
  prompt.continue_final_message = true;
  prompt.add_generation_prompt = false;
  EXPECT_EQ(*render(prompt), "<user>Hi</user><assistant>Sure:");
  EXPECT_EQ(*render(prompt, "{% for m in messages %}[{{ m.content }}]{% endfor %}"), "[Hi][Sure: ");
  EXPECT_EQ(render(prompt, "{{ messages[0].content }}").error().param, "continue_final_message");
  ChatPrompt empty = conversation(" ");
  empty.continue_final_message = true;
  EXPECT_EQ(render(empty).error().param, "continue_final_message");
}

// Texts that the template's own ending has, too.
TEST(RenderChat, ContinuesAMessageThatIsShort) {
  constexpr std::string_view kChatMl =
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";
  for (const std::string_view last : {"|", "<", "end", "i", "im_end", "|>", "|\n", "a  "}) {
    ChatPrompt prompt = conversation(last);
    prompt.continue_final_message = true;
    EXPECT_EQ(*render(prompt, kChatMl),
              "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n" + std::string(last));
  }
  // A template that trims, and writes a blank of its own behind the text, as Llama 2's does.
  ChatPrompt prompt = conversation("s ");
  prompt.continue_final_message = true;
  EXPECT_EQ(*render(prompt, "{{ messages[-1].content | trim }} </s>"), "s");
}

TEST(RenderChat, ARefusalOfTheTemplateIsTheRequestsFault) {
  const auto refused = render(conversation(), "{{ raise_exception('roles must alternate') }}");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, 400);
  EXPECT_THAT(refused.error().message, HasSubstr("roles must alternate"));
}

TEST(RenderChat, ALimitOfTheTemplateIsTheRequestsFault) {
  const auto refused = render(conversation(), "{{ 'a' * 5000000 }}");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, 400);
}

TEST(EncodePrompt, ChecksTheLength) {
  VocabularySource source;
  source.model = "gpt2";
  source.pre = "smollm";
  source.tokens = {"a", "b"};
  source.types = {VocabularySource::kNormal, VocabularySource::kNormal};
  const Tokenizer tokenizer = Tokenizer::from_vocabulary(source).value();
  const RequestLimits limits{.vocab_size = 2, .max_seq_len = 4, .max_prompt_bytes = 8};
  EXPECT_THAT(*encode_prompt(tokenizer, "aba", false, limits, "prompt"), ElementsAre(0, 1, 0));
  EXPECT_EQ(encode_prompt(tokenizer, "abab", false, limits, "prompt").error().code,
            "context_length_exceeded");
  EXPECT_EQ(encode_prompt(tokenizer, "ababababa", false, limits, "prompt").error().code,
            "context_length_exceeded");
  EXPECT_EQ(encode_prompt(tokenizer, "", false, limits, "input[3]").error().param, "input[3]");
  EXPECT_EQ(encode_prompt(tokenizer, "abab", false, limits, "messages").error().param, "messages");
}

}  // namespace
}  // namespace chitu
