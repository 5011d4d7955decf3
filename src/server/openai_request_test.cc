#include "server/openai_request.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

const RequestLimits kLimits{.vocab_size = 1000, .max_seq_len = 64, .max_prompt_bytes = 1000};

constexpr std::string_view kMessages = R"("messages":[{"role":"user","content":"Hi"}])";

template <class Request>
ApiResult<Request> read(std::string_view body,
                        ApiResult<Request> (*reader)(const json::Object&, const RequestLimits&)) {
  auto object = parse_body(body, kLimits);
  if (!object) return std::move(object).error();
  return reader(*object, kLimits);
}

// A chat with further fields: R"("n":2)".
ApiResult<ChatRequest> chat(std::string_view fields) {
  return read(fmt::format("{{{}{}{}}}", kMessages, fields.empty() ? "" : ",", fields),
              read_chat_request);
}
ApiResult<CompletionRequest> completion(std::string_view fields) {
  return read(fmt::format("{{{}}}", fields), read_completion_request);
}

// "[item,item]"
std::string list_of(size_t count, const std::string& item) {
  return fmt::format("[{}]", fmt::join(std::vector<std::string>(count, item), ","));
}

// The error of a chat with one more field, checked for what every error has.
HttpError chat_error(std::string_view field, std::string_view value) {
  auto request = chat(fmt::format("\"{}\":{}", field, value));
  EXPECT_FALSE(request.ok()) << field << '=' << value;
  if (request.ok()) return {};
  const HttpError& error = request.error();
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.type, "invalid_request_error");
  EXPECT_THAT(error.param, StartsWith(field)) << error.message;
  EXPECT_THAT(error.message, StartsWith(error.param + ": "));
  return error;
}

TEST(ChatRequest, HasTheDefaultsOfOpenAi) {
  auto request = chat("");
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->model, "");
  EXPECT_EQ(request->prompt.messages.size(), 1U);
  EXPECT_TRUE(request->prompt.add_generation_prompt);
  EXPECT_FALSE(request->add_special_tokens);
  const GenerationFields& generation = request->generation;
  EXPECT_FALSE(generation.sampling.temperature.has_value());
  EXPECT_FALSE(generation.sampling.seed.has_value());
  EXPECT_EQ(generation.max_tokens, 0);
  EXPECT_EQ(generation.n, 1);
  EXPECT_EQ(generation.top_logprobs, -1);
  EXPECT_FALSE(generation.streaming.stream);
  EXPECT_TRUE(generation.skip_special_tokens);
}

TEST(ChatRequest, ReadsEveryField) {
  auto request = chat(
      R"("model":"m","max_tokens":3,"max_completion_tokens":7,"min_tokens":2,"temperature":0.5,)"
      R"("top_p":0.25,"top_k":40,"min_p":0.125,"n":2,"best_of":2,"stream":true,)"
      R"("stream_options":{"include_usage":true},"stop":["a","bc"],"stop_token_ids":[5,999],)"
      R"("seed":42,"frequency_penalty":-2,"presence_penalty":1.5,"repetition_penalty":1.125,)"
      R"("logit_bias":{"7":-100,"8":1.5},"logprobs":true,"top_logprobs":20,"user":"u",)"
      R"("ignore_eos":true,"skip_special_tokens":false,"include_stop_str_in_output":true,)"
      R"("priority":-3,"cache_salt":"tenant","chat_template_kwargs":{"enable_thinking":false},)"
      R"("reasoning_effort":"low","add_special_tokens":true,"documents":[{"text":"t"}],)"
      R"("response_format":{"type":"text"},"tools":[],"tool_choice":"none","metadata":{"a":"b"},)"
      R"("store":true,"service_tier":"auto","modalities":["text"],"parallel_tool_calls":true,)"
      R"("an_unknown_field":{"x":[1]})");
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->model, "m");
  EXPECT_TRUE(request->add_special_tokens);
  EXPECT_EQ(boost::json::serialize(request->prompt.template_variables),
            R"({"enable_thinking":false,"reasoning_effort":"low"})");
  EXPECT_EQ(request->prompt.documents->size(), 1U);
  const GenerationFields& generation = request->generation;
  EXPECT_EQ(generation.max_tokens, 7);
  EXPECT_EQ(generation.min_tokens, 2);
  EXPECT_EQ(generation.n, 2);
  EXPECT_TRUE(generation.streaming.stream);
  EXPECT_TRUE(generation.streaming.include_usage);
  EXPECT_THAT(generation.stop, ElementsAre("a", "bc"));
  EXPECT_THAT(generation.stop_token_ids, ElementsAre(5, 999));
  EXPECT_EQ(generation.top_logprobs, 20);
  EXPECT_TRUE(generation.ignore_eos);
  EXPECT_FALSE(generation.skip_special_tokens);
  EXPECT_TRUE(generation.include_stop);
  EXPECT_EQ(generation.priority, -3);
  EXPECT_EQ(generation.cache_salt, "tenant");
  const SamplingFields& sampling = generation.sampling;
  EXPECT_EQ(sampling.temperature, 0.5);
  EXPECT_EQ(sampling.top_p, 0.25);
  EXPECT_EQ(sampling.top_k, 40);
  EXPECT_EQ(sampling.min_p, 0.125);
  EXPECT_EQ(sampling.seed, 42U);
  EXPECT_EQ(sampling.frequency_penalty, -2);
  EXPECT_EQ(sampling.presence_penalty, 1.5);
  EXPECT_EQ(sampling.repetition_penalty, 1.125);
  EXPECT_THAT(sampling.logit_bias, ElementsAre(Pair(7, -100), Pair(8, 1.5)));
}

TEST(ChatRequest, NullIsNotGiven) {
  for (const char* field :
       {"max_tokens", "temperature", "stop", "seed", "logit_bias", "logprobs", "top_logprobs", "n",
        "stream", "stream_options", "tools", "response_format", "chat_template_kwargs", "top_k",
        "reasoning_effort", "stop_token_ids", "tool_choice", "model"}) {
    EXPECT_TRUE(chat(fmt::format("\"{}\":null", field)).ok()) << field;
  }
}

TEST(ChatRequest, NumbersMeanTheSameHoweverTheyAreWritten) {
  EXPECT_EQ(chat(R"("n":2.0)")->generation.n, 2);
  EXPECT_EQ(chat(R"("max_tokens":1e2)")->generation.max_tokens, 100);
  EXPECT_EQ(chat(R"("temperature":1)")->generation.sampling.temperature, 1.0);
  EXPECT_FALSE(std::signbit(*chat(R"("temperature":-0.0)")->generation.sampling.temperature));
  EXPECT_EQ(chat(R"("temperature":1e-400)")->generation.sampling.temperature, 0.0);
  EXPECT_EQ(chat(R"("top_k":-1)")->generation.sampling.top_k, 0);
  EXPECT_EQ(chat(R"("top_k":-0)")->generation.sampling.top_k, 0);
}

TEST(ChatRequest, TakesEverySeedOf64Bits) {
  const auto seed = [](const char* text) {
    return chat(fmt::format("\"seed\":{}", text))->generation.sampling.seed;
  };
  EXPECT_EQ(seed("-1"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(seed("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(seed("-9223372036854775808"), uint64_t{1} << 63);
  EXPECT_EQ(chat_error("seed", "18446744073709551616").code, "invalid_value");
  EXPECT_EQ(chat_error("seed", "0.5").code, "invalid_value");
  EXPECT_EQ(chat_error("seed", "true").code, "invalid_type");
}

TEST(ChatRequest, NamesNumbersThatAreOutOfRange) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows = {
      {"n", {"0", "-1", "17", "1000000000000", "18446744073709551615", "1e30", "1e400", "1.5"}},
      {"best_of", {"0", "17"}},
      {"max_tokens", {"0", "-1", "2147483648", "9223372036854775808", "-1e400", "0.5"}},
      {"max_completion_tokens", {"0", "-5", "2147483648"}},
      {"min_tokens", {"-1", "2147483648"}},
      {"temperature", {"-0.1", "2.1", "1e400", "-1e400"}},
      {"top_p", {"0", "-0.0", "1.0001", "-1", "1e400"}},
      {"top_k", {"-2", "2147483648", "0.5"}},
      {"min_p", {"-0.1", "1.1"}},
      {"frequency_penalty", {"-2.1", "2.1", "1e400"}},
      {"presence_penalty", {"-2.1", "2.1"}},
      {"repetition_penalty", {"0", "-1", "10.5", "1e400"}},
      {"top_logprobs", {"-1", "21", "2"}},
      {"priority", {"1", "2147483648", "-2147483649"}},
  };
  for (const auto& [field, values] : rows) {
    for (const std::string& value : values) {
      EXPECT_EQ(chat_error(field, value).code, "invalid_value") << field << '=' << value;
    }
  }
}

TEST(ChatRequest, NamesValuesOfAnotherKind) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows = {
      {"n", {"true", "\"1\"", "[]", "{}"}},
      {"max_tokens", {"false", "\"7\""}},
      {"temperature", {"true", "\"0.7\"", "[0.7]"}},
      {"top_k", {"true", "\"5\""}},
      {"stream", {"1", "\"true\""}},
      {"logprobs", {"1", "5"}},
      {"stop", {"1", "true", "{}", "[1]", "[[\"a\"]]", "[null]"}},
      {"stop_token_ids", {"5", "[true]", "[\"5\"]"}},
      {"logit_bias", {"[]", "1", "{\"5\":true}", "{\"5\":\"1\"}"}},
      {"stream_options", {"1"}},
      {"chat_template_kwargs", {"[]", "\"{}\""}},
      {"response_format", {"\"text\"", "{\"type\":1}"}},
      {"ignore_eos", {"0"}},
      {"cache_salt", {"1"}},
      {"model", {"1"}},
      {"reasoning_effort", {"1"}},
      {"documents", {"{}", "[1]"}},
  };
  for (const auto& [field, values] : rows) {
    for (const std::string& value : values) {
      EXPECT_EQ(chat_error(field, value).code, "invalid_type") << field << '=' << value;
    }
  }
}

TEST(ChatRequest, SaysWhatItFound) {
  EXPECT_EQ(chat_error("temperature", "3").message,
            "temperature: expected a number in [0, 2], found 3");
  EXPECT_EQ(chat_error("top_p", "\"high\"").message,
            "top_p: expected a number in (0, 1], found the string 'high'");
  EXPECT_EQ(chat_error("n", "true").message,
            "n: expected an integer in [1, 16], found the boolean true");
  EXPECT_EQ(chat_error("n", "1e400").message,
            "n: expected an integer in [1, 16], found a number beyond the range of doubles");
}

TEST(ChatRequest, BoundsStops) {
  EXPECT_THAT(chat(R"("stop":"\n")")->generation.stop, ElementsAre("\n"));
  EXPECT_THAT(chat(R"("stop":[])")->generation.stop, IsEmpty());
  EXPECT_TRUE(chat(fmt::format(R"("stop":"{:a>256}")", "")).ok());
  EXPECT_EQ(chat_error("stop", fmt::format("\"{:a>257}\"", "")).param, "stop");
  EXPECT_EQ(chat_error("stop", R"(["a",""])").param, "stop[1]");
  EXPECT_THAT(chat_error("stop", list_of(17, "\"a\"")).message,
              HasSubstr("at most 16 strings, found 17"));
  EXPECT_EQ(chat_error("stop_token_ids", "[1,1000]").param, "stop_token_ids[1]");
  EXPECT_EQ(chat_error("stop_token_ids", "[-1]").param, "stop_token_ids[0]");
}

TEST(ChatRequest, BoundsTheTokensOfLogitBias) {
  for (const char* keys : {"\"1000\":1", "\"-1\":1", "\"a\":1", "\"\":1", "\"07\":1", "\"+7\":1",
                           "\"7.0\":1", "\"99999999999999999999\":1", "\" 7\":1"}) {
    EXPECT_EQ(chat_error("logit_bias", fmt::format("{{{}}}", keys)).param, "logit_bias");
  }
  EXPECT_EQ(chat_error("logit_bias", R"({"7":-100.5})").param, "logit_bias.7");
  EXPECT_EQ(chat_error("logit_bias", R"({"7":1e400})").param, "logit_bias.7");
}

TEST(ChatRequest, FieldsThatNeedOneAnother) {
  EXPECT_EQ(chat_error("stream_options", "{}").param, "stream_options");
  EXPECT_EQ(chat(R"("stream":true,"stream_options":{"include_usage":1})").error().param,
            "stream_options.include_usage");
  EXPECT_EQ(chat(R"("max_tokens":3,"min_tokens":4)").error().param, "min_tokens");
  EXPECT_EQ(chat(R"("logprobs":false,"top_logprobs":2)").error().param, "top_logprobs");
  EXPECT_EQ(chat(R"("logprobs":true)")->generation.top_logprobs, 0);
  EXPECT_TRUE(chat(R"("n":2,"best_of":1)").ok());
  EXPECT_EQ(chat(R"("n":2,"best_of":3)").error().code, "unsupported_parameter");
}

TEST(ChatRequest, RefusesWhatItDoesNotHaveByName) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"tools", R"([{"type":"function"}])"},
      {"functions", R"([{"name":"f"}])"},
      {"tool_choice", R"("required")"},
      {"tool_choice", R"({"type":"function"})"},
      {"function_call", R"({"name":"f"})"},
      {"response_format", R"({"type":"json_object"})"},
      {"response_format", R"({"type":"json_schema","json_schema":{}})"},
      {"guided_regex", R"("(a*)*")"},
      {"grammar", R"("root ::= root")"},
      {"structured_outputs", R"({"regex":"a"})"},
      {"modalities", R"(["text","audio"])"},
      {"chat_template", R"("{% for i in range(10**9) %}{% endfor %}")"},
      {"use_beam_search", "true"},
      {"prompt_logprobs", "0"},
  };
  for (const auto& [field, value] : rows) {
    EXPECT_EQ(chat_error(field, value).code, "unsupported_parameter") << field << '=' << value;
  }
}

TEST(ChatRequest, ReadsMessages) {
  auto request = read(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":)"
                      R"([{"type":"text","text":"a"},{"type":"text","text":"b"}]}]})",
                      read_chat_request);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(boost::json::serialize(request->prompt.messages),
            R"([{"role":"system","content":"s"},{"role":"user","content":"a\nb"}])");
  for (const char* body :
       {"{}", R"({"messages":null})", R"({"messages":[]})", R"({"messages":{}})",
        R"({"messages":[1]})", R"({"messages":[{"role":"user"}]})",
        R"({"messages":[{"role":"wizard","content":"a"}]})",
        R"({"messages":[{"role":"user","content":5}]})",
        R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]})"}) {
    auto refused = read(body, read_chat_request);
    ASSERT_FALSE(refused.ok()) << body;
    EXPECT_EQ(refused.error().status, 400);
    EXPECT_EQ(refused.error().param, "messages") << body;
    EXPECT_THAT(refused.error().message, StartsWith("messages"));
  }
}

TEST(ChatRequest, ContinuesTheFinalMessage) {
  auto request = chat(R"("continue_final_message":true)");
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->prompt.add_generation_prompt);
  EXPECT_EQ(chat(R"("continue_final_message":true,"add_generation_prompt":true)").error().param,
            "continue_final_message");
}

TEST(ChatRequest, ChatTemplateKwargsComeBeforeReasoningEffort) {
  auto request =
      chat(R"("chat_template_kwargs":{"reasoning_effort":"high"},"reasoning_effort":"low")");
  EXPECT_EQ(boost::json::serialize(request->prompt.template_variables),
            R"({"reasoning_effort":"high"})");
  EXPECT_EQ(chat_error("reasoning_effort", "\"very\"").code, "invalid_value");
}

TEST(ParseBody, RefusesWhatIsNoObject) {
  const auto error = [](std::string_view body) { return parse_body(body, kLimits).error(); };
  for (const char* body :
       {"", "{", "{\"a\":}", "{} {}", "\xFF", "{\"a\":NaN}", "{\"a\":Infinity}"}) {
    EXPECT_EQ(error(body).code, "invalid_json") << body;
    EXPECT_EQ(error(body).status, 400);
  }
  for (const char* body : {"[]", "1", "null", "\"{}\""}) {
    EXPECT_THAT(error(body).message, HasSubstr("expected a JSON object")) << body;
  }
}

TEST(ParseBody, BoundsDepthAndValues) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(parse_body("{\"a\":" + deep + "}", kLimits).error().message,
              HasSubstr("nested deeper than 64 levels"));
  RequestLimits limits = kLimits;
  limits.max_values = 10;
  EXPECT_THAT(parse_body(R"({"a":[0,0,0,0,0,0,0,0,0,0]})", limits).error().message,
              HasSubstr("more than 10 values"));
}

TEST(CompletionRequest, ReadsPromptsOfEveryKind) {
  const auto prompts = [](std::string_view value) {
    auto request = completion(fmt::format("\"prompt\":{}", value));
    EXPECT_TRUE(request.ok()) << request.error().message;
    return request.ok() ? request->prompts : std::vector<Prompt>{};
  };
  EXPECT_THAT(prompts(R"("a")"), ElementsAre(Prompt("a")));
  EXPECT_THAT(prompts(R"(["a","b"])"), ElementsAre(Prompt("a"), Prompt("b")));
  EXPECT_THAT(prompts("[1,2]"), ElementsAre(Prompt(std::vector<int32_t>{1, 2})));
  EXPECT_THAT(prompts("[[1],[2,3]]"),
              ElementsAre(Prompt(std::vector<int32_t>{1}), Prompt(std::vector<int32_t>{2, 3})));
  const auto request = completion(R"("prompt":"a","echo":true,"logprobs":null)");
  EXPECT_TRUE(request->echo);
  EXPECT_TRUE(request->add_special_tokens);
  EXPECT_EQ(request->generation.max_tokens, 16);
  EXPECT_EQ(completion(R"("prompt":"a","logprobs":0)")->generation.top_logprobs, 0);
}

TEST(CompletionRequest, NamesWhatIsWrongWithAPrompt) {
  const auto error = [](std::string_view value) {
    return completion(fmt::format("\"prompt\":{}", value)).error();
  };
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"null", "prompt"},
      {"\"\"", "prompt"},
      {"[]", "prompt"},
      {"1", "prompt"},
      {"{}", "prompt"},
      {"true", "prompt"},
      {"[\"a\",\"\"]", "prompt[1]"},
      {"[\"a\",1]", "prompt[1]"},
      {"[1,\"a\"]", "prompt[1]"},
      {"[1,1000]", "prompt[1]"},
      {"[-1]", "prompt[0]"},
      {"[1,0.5]", "prompt[1]"},
      {"[[1],[]]", "prompt[1]"},
      {"[[1],[1000]]", "prompt[1][0]"},
      {"[[[1]]]", "prompt[0][0]"},
      {"[99999999999999999999]", "prompt[0]"},
      {"[true]", "prompt[0]"},
  };
  for (const auto& [value, param] : rows) EXPECT_EQ(error(value).param, param) << value;
  EXPECT_EQ(error(fmt::format("\"{:a>1001}\"", "")).code, "context_length_exceeded");
  const std::string tokens = list_of(64, "1");
  EXPECT_EQ(error(tokens).code, "context_length_exceeded");
  EXPECT_THAT(error(tokens).message, HasSubstr("64 tokens"));
  EXPECT_THAT(error(list_of(129, "\"a\"")).message, HasSubstr("at most 128"));
}

TEST(CompletionRequest, RefusesWhatItCannotDo) {
  const auto param = [](std::string_view fields) {
    return completion(
               fmt::format("\"prompt\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"],{}",
                           fields))
        .error()
        .param;
  };
  EXPECT_EQ(param(R"("suffix":"x")"), "suffix");
  EXPECT_EQ(param(R"("echo":true,"logprobs":1)"), "logprobs");
  EXPECT_EQ(param(R"("logprobs":true)"), "logprobs");
  EXPECT_EQ(param(R"("logprobs":21)"), "logprobs");
  EXPECT_EQ(param(R"("n":15)"), "n");
  EXPECT_EQ(param(R"("best_of":5)"), "best_of");
}

// Each in answers that are not streamed.
TEST(CompletionRequest, BoundsTheLogprobsOfAllChoices) {
  const auto param = [](std::string_view fields) {
    auto body = parse_body(fmt::format(R"({{"prompt":["a","b"],{}}})", fields), kLimits);
    RequestLimits limits = kLimits;
    limits.max_whole_logprobs = 2 * 3 * 10 * 6;  // prompts, n, tokens, logprobs
    return read_completion_request(*body, limits).error().param;
  };
  EXPECT_EQ(param(R"("n":3,"max_tokens":10,"logprobs":5)"), "");
  EXPECT_EQ(param(R"("n":3,"max_tokens":10,"logprobs":6)"), "logprobs");
  EXPECT_EQ(param(R"("n":3,"max_tokens":11,"logprobs":5)"), "logprobs");
  EXPECT_EQ(param(R"("n":4,"max_tokens":10,"logprobs":5)"), "logprobs");
  EXPECT_EQ(param(R"("n":3,"max_tokens":2147483647,"logprobs":0)"), "logprobs");
  EXPECT_EQ(param(R"("n":4,"max_tokens":10,"logprobs":5,"stream":true)"), "");
  EXPECT_EQ(param(R"("n":4,"max_tokens":64)"), "");
}

TEST(ChatRequest, BoundsTheLogprobsOfAllChoices) {
  const auto object = parse_body(
      fmt::format(R"({{{},"n":4,"logprobs":true,"top_logprobs":2}})", kMessages), kLimits);
  RequestLimits limits = kLimits;  // without max_tokens: max_seq_len of each choice
  limits.max_whole_logprobs = 4 * 64 * 3;
  EXPECT_TRUE(read_chat_request(*object, limits).ok());
  limits.max_whole_logprobs -= 1;
  EXPECT_EQ(read_chat_request(*object, limits).error().param, "top_logprobs");
}

TEST(ChatRequest, BoundsPriority) {
  const auto object = parse_body(fmt::format(R"({{{},"priority":7}})", kMessages), kLimits);
  RequestLimits limits = kLimits;
  limits.max_priority = 6;
  EXPECT_EQ(read_chat_request(*object, limits).error().param, "priority");
  limits.max_priority = 7;
  EXPECT_EQ(read_chat_request(*object, limits)->generation.priority, 7);
}

TEST(EmbeddingsRequest, ReadsAndRefuses) {
  const auto embed = [](std::string_view fields) {
    return read(fmt::format("{{{}}}", fields), read_embeddings_request);
  };
  auto request = embed(R"("input":["a","b"],"encoding_format":"base64","dimensions":8)");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->inputs.size(), 2U);
  EXPECT_TRUE(request->base64);
  EXPECT_EQ(request->dimensions, 8);
  EXPECT_TRUE(request->is_list);
  EXPECT_EQ(embed(R"("input":"a","cache_salt":"tenant")")->cache_salt, "tenant");
  EXPECT_FALSE(embed(R"("input":"a")")->is_list);
  EXPECT_FALSE(embed(R"("input":[1,2])")->is_list);
  EXPECT_FALSE(embed(R"("input":[1,2],"encoding_format":"float")")->base64);
  EXPECT_EQ(embed("").error().code, "missing_required_parameter");
  EXPECT_EQ(embed(R"("input":"")").error().param, "input");
  EXPECT_EQ(embed(R"("input":"a","encoding_format":"hex")").error().param, "encoding_format");
  EXPECT_EQ(embed(R"("input":"a","dimensions":0)").error().param, "dimensions");
}

TEST(TokenizeRequest, ReadsTextAndChats) {
  auto text = read(R"({"prompt":"","return_token_strs":true})", read_tokenize_request);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(std::get<std::string>(text->input), "");
  EXPECT_TRUE(text->add_special_tokens);
  EXPECT_TRUE(text->return_token_strings);
  EXPECT_EQ(text->field, "prompt");
  const auto content = read(R"({"content":"a"})", read_tokenize_request);
  EXPECT_EQ(std::get<std::string>(content->input), "a");
  EXPECT_EQ(content->field, "content");
  auto messages = read(fmt::format("{{{}}}", kMessages), read_tokenize_request);
  ASSERT_TRUE(messages.ok());
  EXPECT_FALSE(messages->add_special_tokens);
  EXPECT_EQ(messages->field, "messages");
  EXPECT_EQ(std::get<ChatPrompt>(messages->input).messages.size(), 1U);
  EXPECT_EQ(read("{}", read_tokenize_request).error().param, "prompt");
  EXPECT_EQ(read(R"({"prompt":5})", read_tokenize_request).error().param, "prompt");
}

TEST(DetokenizeRequest, ReadsTokens) {
  EXPECT_THAT(read(R"({"tokens":[1,2]})", read_detokenize_request)->tokens, ElementsAre(1, 2));
  EXPECT_THAT(read(R"({"tokens":[]})", read_detokenize_request)->tokens, IsEmpty());
  EXPECT_EQ(read("{}", read_detokenize_request).error().param, "tokens");
  EXPECT_EQ(read(R"({"tokens":[1000]})", read_detokenize_request).error().param, "tokens[0]");
}

TEST(ApplyTemplateRequest, ReadsMessages) {
  auto request = read(fmt::format("{{{},\"add_generation_prompt\":false}}", kMessages),
                      read_apply_template_request);
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->prompt.add_generation_prompt);
}

}  // namespace
}  // namespace chitu
