// The bodies of OpenAI's answers, whole and in chunks. Each function returns JSON on one line, of
// a stream without the framing (sse.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/api_result.h"
#include "server/text_stream.h"

namespace chitu {

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;  // of all choices
  int64_t cached_tokens = 0;      // of the prompt, found in the prefix cache
};

// What all chunks of an answer have in common.
struct AnswerHead {
  std::string id;       // "chatcmpl-...", "cmpl-..."
  int64_t created = 0;  // seconds since 1970
  std::string model;
  std::string system_fingerprint;
  bool include_usage = false;  // of a stream: chunks have "usage": null, and the last one it
};

struct Choice {
  int64_t index = 0;
  TextPiece piece;  // in an answer that is no stream all pieces, appended
  bool logprobs = false;
};

// "stop", "length"; empty while it runs. What was cancelled was cut: "length".
std::string_view finish_name(FinishReason reason);

std::string chat_completion(const AnswerHead& head, std::span<const Choice> choices,
                            const Usage& usage);
std::string chat_role_chunk(const AnswerHead& head, int64_t index);  // the first of each choice
std::string chat_chunk(const AnswerHead& head, const Choice& choice);
std::string chat_usage_chunk(const AnswerHead& head, const Usage& usage);  // with no choices

std::string text_completion(const AnswerHead& head, std::span<const Choice> choices,
                            const Usage& usage);
std::string text_chunk(const AnswerHead& head, const Choice& choice);
std::string text_usage_chunk(const AnswerHead& head, const Usage& usage);

// As arrays of numbers, or as base64 of their little-endian bytes.
std::string embeddings_body(std::string_view model, std::span<const std::vector<float>> embeddings,
                            bool base64, int64_t prompt_tokens);

struct ModelCard {
  std::string id;
  int64_t created = 0;
  int64_t max_seq_len = 0;
};
std::string model_body(const ModelCard& model);
std::string model_list_body(std::span<const ModelCard> models);

std::string tokenize_body(std::span<const int32_t> tokens, int64_t max_seq_len);
std::string tokenize_body(std::span<const int32_t> tokens, int64_t max_seq_len,
                          std::span<const std::string> token_strings);
std::string detokenize_body(std::string_view text);
std::string apply_template_body(std::string_view text);

}  // namespace chitu
