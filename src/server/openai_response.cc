#include "server/openai_response.h"

#include <fmt/format.h>

#include <bit>
#include <boost/json.hpp>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "io/json.h"
#include "text/base64.h"
#include "text/utf8.h"

namespace chitu {
namespace {

// A number that JSON can write stands for the logarithm of a probability of 0.
constexpr float kLowestLogprob = -9999.0F;

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text));
}

// The elements of a JSON array or object.
class List {
 public:
  void add(std::string_view item) {
    if (!text_.empty()) text_ += ',';
    text_ += item;
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

template <class Range, class F>
std::string joined(const Range& range, F&& to_json) {
  List list;
  for (const auto& item : range) list.add(to_json(item));
  return std::move(list).text();
}

std::string finish_json(FinishReason reason) {
  return reason == FinishReason::kNone ? "null" : json_string(finish_name(reason));
}

std::string usage_json(const Usage& usage) {
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
                     R"("prompt_tokens_details":{{"cached_tokens":{}}}}})",
                     usage.prompt_tokens, usage.completion_tokens,
                     usage.prompt_tokens + usage.completion_tokens, usage.cached_tokens);
}

float finite(float logprob) { return logprob > kLowestLogprob ? logprob : kLowestLogprob; }

std::string shown(std::string_view bytes) {
  std::string text;
  utf8::append_lossy(bytes, text);
  return text;
}

std::string entry_json(const ScoredToken::Entry& entry, std::string_view more = "") {
  const std::string bytes =
      joined(entry.bytes, [](char c) { return fmt::to_string(static_cast<unsigned char>(c)); });
  return fmt::format(R"({{"token":{},"logprob":{},"bytes":[{}]{}}})",
                     json_string(shown(entry.bytes)), finite(entry.logprob), bytes, more);
}

// Of a chat: each token with its bytes.
std::string chat_logprobs_json(const Choice& choice) {
  if (!choice.logprobs) return "null";
  const std::string content = joined(choice.piece.tokens, [](const ScoredToken& token) {
    const std::string top =
        joined(token.top, [](const ScoredToken::Entry& entry) { return entry_json(entry); });
    return entry_json(token.sampled, fmt::format(R"(,"top_logprobs":[{}])", top));
  });
  return fmt::format(R"({{"content":[{}],"refusal":null}})", content);
}

// Of a completion: columns. Two tokens that look alike, as parts of characters do, share a key: the
// likelier one has it. The sampled token is always among them.
std::string top_logprobs_json(const ScoredToken& token) {
  List list;
  std::unordered_set<std::string> seen;
  const auto add = [&](const ScoredToken::Entry& entry) {
    const std::string key = shown(entry.bytes);
    if (seen.insert(key).second)
      list.add(fmt::format("{}:{}", json_string(key), finite(entry.logprob)));
  };
  for (const ScoredToken::Entry& entry : token.top) add(entry);
  add(token.sampled);
  return fmt::format("{{{}}}", std::move(list).text());
}

std::string text_logprobs_json(const Choice& choice) {
  if (!choice.logprobs) return "null";
  const auto column = [&](auto&& to_json) { return joined(choice.piece.tokens, to_json); };
  return fmt::format(
      R"({{"tokens":[{}],"token_logprobs":[{}],"top_logprobs":[{}],"text_offset":[{}]}})",
      column([](const ScoredToken& token) { return json_string(shown(token.sampled.bytes)); }),
      column(
          [](const ScoredToken& token) { return fmt::to_string(finite(token.sampled.logprob)); }),
      column(top_logprobs_json),
      column([](const ScoredToken& token) { return fmt::to_string(token.text_offset); }));
}

// The fields that all bodies of an answer begin with, without the closing brace.
std::string head_json(const AnswerHead& head, std::string_view object) {
  return fmt::format(R"({{"id":{},"object":"{}","created":{},"model":{},"system_fingerprint":{},)",
                     json_string(head.id), object, head.created, json_string(head.model),
                     json_string(head.system_fingerprint));
}

constexpr std::string_view kChat = "chat.completion";
constexpr std::string_view kChatChunk = "chat.completion.chunk";
constexpr std::string_view kText = "text_completion";

std::string body(const AnswerHead& head, std::string_view object, std::string_view choices,
                 const Usage& usage) {
  return fmt::format(R"({}"choices":[{}],"usage":{}}})", head_json(head, object), choices,
                     usage_json(usage));
}

std::string chunk(const AnswerHead& head, std::string_view object, std::string_view choice) {
  return fmt::format(R"({}"choices":[{}]{}}})", head_json(head, object), choice,
                     head.include_usage ? R"(,"usage":null)" : "");
}

std::string delta_json(const Choice& choice, std::string_view delta) {
  return fmt::format(R"({{"index":{},"delta":{{{}}},"logprobs":{},"finish_reason":{}}})",
                     choice.index, delta, chat_logprobs_json(choice),
                     finish_json(choice.piece.finish));
}

std::string text_choice_json(const Choice& choice) {
  return fmt::format(R"({{"index":{},"text":{},"logprobs":{},"finish_reason":{}}})", choice.index,
                     json_string(choice.piece.text), text_logprobs_json(choice),
                     finish_json(choice.piece.finish));
}

std::string embedding_json(const std::vector<float>& embedding, bool base64) {
  if (!base64) return fmt::format("[{}]", fmt::join(embedding, ","));
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(embedding.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), embedding.data(), bytes.size());
  return fmt::format("\"{}\"", encode_base64(bytes));
}

}  // namespace

std::string_view finish_name(FinishReason reason) {
  if (reason == FinishReason::kNone) return "";
  return reason == FinishReason::kStop ? "stop" : "length";
}

std::string chat_completion(const AnswerHead& head, std::span<const Choice> choices,
                            const Usage& usage) {
  const std::string list = joined(choices, [](const Choice& choice) {
    return fmt::format(
        R"({{"index":{},"message":{{"role":"assistant","content":{},"refusal":null}},)"
        R"("logprobs":{},"finish_reason":{}}})",
        choice.index, json_string(choice.piece.text), chat_logprobs_json(choice),
        finish_json(choice.piece.finish));
  });
  return body(head, kChat, list, usage);
}

std::string chat_role_chunk(const AnswerHead& head, int64_t index) {
  return chunk(head, kChatChunk,
               delta_json({.index = index}, R"("role":"assistant","content":"")"));
}

std::string chat_chunk(const AnswerHead& head, const Choice& choice) {
  // The chunk that only says why the answer ends has no text.
  const bool has_content = !choice.piece.text.empty() || !choice.piece.tokens.empty();
  return chunk(head, kChatChunk,
               delta_json(choice, has_content ? fmt::format(R"("content":{})",
                                                            json_string(choice.piece.text))
                                              : std::string()));
}

std::string chat_usage_chunk(const AnswerHead& head, const Usage& usage) {
  return body(head, kChatChunk, "", usage);
}

std::string text_completion(const AnswerHead& head, std::span<const Choice> choices,
                            const Usage& usage) {
  return body(head, kText, joined(choices, text_choice_json), usage);
}

std::string text_chunk(const AnswerHead& head, const Choice& choice) {
  return chunk(head, kText, text_choice_json(choice));
}

std::string text_usage_chunk(const AnswerHead& head, const Usage& usage) {
  return body(head, kText, "", usage);
}

std::string embeddings_body(std::string_view model, std::span<const std::vector<float>> embeddings,
                            bool base64, int64_t prompt_tokens) {
  int64_t index = 0;
  const std::string data = joined(embeddings, [&](const std::vector<float>& embedding) {
    return fmt::format(R"({{"object":"embedding","index":{},"embedding":{}}})", index++,
                       embedding_json(embedding, base64));
  });
  return fmt::format(R"({{"object":"list","data":[{}],"model":{},)"
                     R"("usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                     data, json_string(model), prompt_tokens, prompt_tokens);
}

std::string model_body(const ModelCard& model) {
  return fmt::format(
      R"({{"id":{},"object":"model","created":{},"owned_by":"chitu","max_model_len":{}}})",
      json_string(model.id), model.created, model.max_seq_len);
}

std::string model_list_body(std::span<const ModelCard> models) {
  return fmt::format(R"({{"object":"list","data":[{}]}})", joined(models, model_body));
}

namespace {

std::string tokenize_fields(std::span<const int32_t> tokens, int64_t max_seq_len) {
  return fmt::format(R"("count":{},"max_model_len":{},"tokens":[{}])", tokens.size(), max_seq_len,
                     fmt::join(tokens, ","));
}

}  // namespace

std::string tokenize_body(std::span<const int32_t> tokens, int64_t max_seq_len) {
  return fmt::format("{{{}}}", tokenize_fields(tokens, max_seq_len));
}

std::string tokenize_body(std::span<const int32_t> tokens, int64_t max_seq_len,
                          std::span<const std::string> token_strings) {
  return fmt::format(R"({{{},"token_strs":[{}]}})", tokenize_fields(tokens, max_seq_len),
                     joined(token_strings, json_string));
}

std::string detokenize_body(std::string_view text) {
  const std::string json = json_string(text);
  return fmt::format(R"({{"prompt":{},"content":{}}})", json, json);  // vLLM's name, llama.cpp's
}

std::string apply_template_body(std::string_view text) {
  return fmt::format(R"({{"prompt":{}}})", json_string(text));
}

}  // namespace chitu
