#include "server/openai_response.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "io/json.h"
#include "text/base64.h"

namespace chitu {
namespace {

const AnswerHead kHead{.id = "chatcmpl-1",
                       .created = 1700000000,
                       .model = "m\"1",
                       .system_fingerprint = "fp",
                       .include_usage = false};
const Usage kUsage{.prompt_tokens = 5, .completion_tokens = 2, .cached_tokens = 4};

ScoredToken scored() {
  return {.sampled = {.bytes = "\xC3", .logprob = -0.25F},
          .top = {{.bytes = "a", .logprob = -0.125F}, {.bytes = "\xC4", .logprob = -0.25F}},
          .text_offset = 3};
}

TEST(OpenAiResponse, WritesAChatCompletion) {
  const std::vector<Choice> choices = {
      {.index = 0, .piece = {.text = "Hi \"you\"\n", .finish = FinishReason::kStop}},
      {.index = 1, .piece = {.text = "é", .finish = FinishReason::kLength}}};
  EXPECT_EQ(
      chat_completion(kHead, choices, kUsage),
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m\"1",)"
      R"("system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant",)"
      R"("content":"Hi \"you\"\n","refusal":null},"logprobs":null,"finish_reason":"stop"},)"
      R"({"index":1,"message":{"role":"assistant","content":"é","refusal":null},"logprobs":null,)"
      R"("finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":2,)"
      R"("total_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}})");
}

TEST(OpenAiResponse, WritesTheChunksOfAChat) {
  const std::string head =
      R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,)"
      R"("model":"m\"1","system_fingerprint":"fp",)";
  EXPECT_EQ(chat_role_chunk(kHead, 1),
            head + R"("choices":[{"index":1,"delta":{"role":"assistant","content":""},)"
                   R"("logprobs":null,"finish_reason":null}]})");
  EXPECT_EQ(chat_chunk(kHead, {.index = 0, .piece = {.text = "a"}}),
            head + R"("choices":[{"index":0,"delta":{"content":"a"},"logprobs":null,)"
                   R"("finish_reason":null}]})");
  EXPECT_EQ(chat_chunk(kHead, {.index = 0, .piece = {.finish = FinishReason::kStop}}),
            head + R"("choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]})");
  AnswerHead with_usage = kHead;
  with_usage.include_usage = true;
  EXPECT_EQ(chat_chunk(with_usage, {.index = 0, .piece = {.text = "a"}}),
            head + R"("choices":[{"index":0,"delta":{"content":"a"},"logprobs":null,)"
                   R"("finish_reason":null}],"usage":null})");
  EXPECT_EQ(chat_usage_chunk(with_usage, kUsage),
            head + R"("choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,)"
                   R"("total_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}})");
}

TEST(OpenAiResponse, WritesLogprobsOfAChatWithBytes) {
  const std::string chunk = chat_chunk(
      kHead, {.index = 0, .piece = {.text = "x", .tokens = {scored()}}, .logprobs = true});
  EXPECT_NE(chunk.find(R"("logprobs":{"content":[{"token":"�","logprob":-0.25,"bytes":[195],)"
                       R"("top_logprobs":[{"token":"a","logprob":-0.125,"bytes":[97]},)"
                       R"({"token":"�","logprob":-0.25,"bytes":[196]}]}],"refusal":null})"),
            std::string::npos)
      << chunk;
}

TEST(OpenAiResponse, WritesLogprobsOfACompletionInColumns) {
  const std::vector<Choice> choices = {
      {.index = 0,
       .piece = {.text = "x", .tokens = {scored(), scored()}, .finish = FinishReason::kLength},
       .logprobs = true}};
  EXPECT_EQ(text_completion(kHead, choices, kUsage),
            R"({"id":"chatcmpl-1","object":"text_completion","created":1700000000,)"
            R"("model":"m\"1","system_fingerprint":"fp","choices":[{"index":0,"text":"x",)"
            R"("logprobs":{"tokens":["�","�"],"token_logprobs":[-0.25,-0.25],"top_logprobs":)"
            R"([{"a":-0.125,"�":-0.25},{"a":-0.125,"�":-0.25}],"text_offset":[3,3]},)"
            R"("finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":2,)"
            R"("total_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}})");
}

TEST(OpenAiResponse, WritesImpossibleTokensAsANumber) {
  ScoredToken token;
  token.sampled = {.bytes = "a", .logprob = -std::numeric_limits<float>::infinity()};
  const Choice choice{.index = 0, .piece = {.tokens = {token}}, .logprobs = true};
  EXPECT_NE(chat_chunk(kHead, choice).find(R"("logprob":-9999,)"), std::string::npos);
  EXPECT_NE(text_chunk(kHead, choice).find(R"("token_logprobs":[-9999])"), std::string::npos);
}

TEST(OpenAiResponse, WritesEmbeddingsAsNumbersAndAsBase64) {
  const std::vector<std::vector<float>> embeddings = {{0.5F, -1e-5F}, {1.0F}};
  EXPECT_EQ(embeddings_body("m", embeddings, false, 7),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1e-05]},)"
            R"({"object":"embedding","index":1,"embedding":[1]}],"model":"m",)"
            R"("usage":{"prompt_tokens":7,"total_tokens":7}})");
  EXPECT_EQ(embeddings_body("m", std::span(embeddings).subspan(1), true, 7),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],)"
            R"("model":"m","usage":{"prompt_tokens":7,"total_tokens":7}})");
}

TEST(OpenAiResponse, WritesTheOtherBodies) {
  const ModelCard card{.id = "m", .created = 3, .max_seq_len = 4096};
  const std::string model =
      R"({"id":"m","object":"model","created":3,"owned_by":"chitu","max_model_len":4096})";
  EXPECT_EQ(model_body(card), model);
  EXPECT_EQ(model_list_body(std::span(&card, 1)), R"({"object":"list","data":[)" + model + "]}");
  const std::vector<int32_t> tokens = {1, 2};
  const std::vector<std::string> strings = {"a", "Ġb"};
  EXPECT_EQ(tokenize_body(tokens, 9), R"({"count":2,"max_model_len":9,"tokens":[1,2]})");
  EXPECT_EQ(tokenize_body(tokens, 9, strings),
            R"({"count":2,"max_model_len":9,"tokens":[1,2],"token_strs":["a","Ġb"]})");
  EXPECT_EQ(detokenize_body("a"), R"({"prompt":"a","content":"a"})");
  EXPECT_EQ(apply_template_body("{a}"), R"({"prompt":"{a}"})");
}

}  // namespace
}  // namespace chitu
