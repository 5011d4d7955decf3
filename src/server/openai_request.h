// The bodies of OpenAI's requests, and of those that this kind of server adds, as typed values:
// every type, range and count is checked here, and the error names the field.
//
// Fields that are not known are ignored, as OpenAI's own server does; those that would change the
// answer but that this program does not have (tools, response_format, ...) are refused, unless
// they have a value that asks for nothing. A field that is null is a field that is not there.
// 1.0 is the integer 1; true is no number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "io/json.h"
#include "server/api_result.h"

namespace chitu {

// What a request may ask for.
struct RequestLimits {
  int64_t vocab_size = 0;                       // of the model: token ids are below it
  int64_t max_seq_len = 0;                      // of the engine: longer prompts of ids are refused
  int64_t max_prompt_bytes = int64_t{8} << 20;  // of one text; more are not looked at
  int64_t max_n = 16;
  int64_t max_logprobs = 20;
  int64_t max_stop = 16;
  int64_t max_stop_bytes = 256;
  int64_t max_prompts = 128;     // of a completion, and of all its prompts' n choices together
  int64_t max_inputs = 2048;     // of an embedding, as at OpenAI
  int64_t max_values = 1 << 20;  // of the JSON
  int64_t max_priority = 0;      // above it a client would come before all who ask for nothing
  // Of an answer that is no stream, and so is kept whole: the sampled tokens' and their
  // alternatives'.
  int64_t max_whole_logprobs = 1 << 20;
};

// How tokens are chosen, as far as the request says; the rest is the checkpoint's choice. All are
// finite and in their range.
struct SamplingFields {
  std::optional<double> temperature;                  // [0, 2]
  std::optional<double> top_p;                        // (0, 1]
  std::optional<double> min_p;                        // [0, 1]
  std::optional<int32_t> top_k;                       // 0 (also written -1): off
  std::optional<double> repetition_penalty;           // (0, 10]
  double frequency_penalty = 0;                       // [-2, 2]
  double presence_penalty = 0;                        // [-2, 2]
  std::optional<uint64_t> seed;                       // negative ones as their two's complement
  std::vector<std::pair<int32_t, float>> logit_bias;  // each token once; [-100, 100]
};

struct StreamFields {
  bool stream = false;
  bool include_usage = false;
};

// What every request that generates has.
struct GenerationFields {
  SamplingFields sampling;
  int64_t max_tokens = 0;  // 0: as many as fit
  int64_t min_tokens = 0;  // no stop before that many
  int64_t n = 1;
  std::vector<std::string> stop;  // none empty
  std::vector<int32_t> stop_token_ids;
  bool ignore_eos = false;
  bool include_stop = false;  // include_stop_str_in_output
  bool skip_special_tokens = true;
  int32_t top_logprobs = -1;  // -1: no logprobs; N: of the sampled token and of the N likeliest
  int32_t priority = 0;       // larger first
  std::string cache_salt;
  StreamFields streaming;
};

// A conversation and how the chat template writes it.
struct ChatPrompt {
  json::Array messages;  // as read_messages() returns them
  json::Object template_variables;
  std::optional<json::Array> documents;
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // then add_generation_prompt is false
};

// Text to be tokenized, or tokens.
using Prompt = std::variant<std::string, std::vector<int32_t>>;

struct ChatRequest {
  std::string model;  // empty: not given
  ChatPrompt prompt;
  bool add_special_tokens = false;  // the template writes its own
  GenerationFields generation;
};

struct CompletionRequest {
  std::string model;
  std::vector<Prompt> prompts;  // at least one, none empty; prompt p's choice i has the index p*n+i
  bool is_list = false;         // "prompt" is an array of them
  bool add_special_tokens = true;
  bool echo = false;  // the answer begins with the prompt's text
  GenerationFields generation;
};

struct EmbeddingsRequest {
  std::string model;
  std::vector<Prompt> inputs;  // at least one, none empty
  bool is_list = false;        // "input" is an array of them
  std::optional<int64_t> dimensions;
  bool base64 = false;  // encoding_format; the `openai` package asks for it
  std::string cache_salt;
};

struct TokenizeRequest {
  std::string model;
  std::variant<std::string, ChatPrompt> input;
  std::string_view field = "prompt";  // that the input stood in; or "content", "messages"
  bool add_special_tokens = true;     // for a chat by default false
  bool return_token_strings = false;
};

struct DetokenizeRequest {
  std::string model;
  std::vector<int32_t> tokens;
};

struct ApplyTemplateRequest {
  std::string model;
  ChatPrompt prompt;
};

// What errors call one of the prompts: "prompt", or of a list "prompt[3]".
std::string prompt_name(std::string_view field, bool is_list, size_t index);

// The object that a body is; error: no JSON, nested deeper than 64, too many values, no object.
ApiResult<json::Object> parse_body(std::string_view body, const RequestLimits& limits);

ApiResult<ChatRequest> read_chat_request(const json::Object& body, const RequestLimits& limits);
ApiResult<CompletionRequest> read_completion_request(const json::Object& body,
                                                     const RequestLimits& limits);
ApiResult<EmbeddingsRequest> read_embeddings_request(const json::Object& body,
                                                     const RequestLimits& limits);
ApiResult<TokenizeRequest> read_tokenize_request(const json::Object& body,
                                                 const RequestLimits& limits);
ApiResult<DetokenizeRequest> read_detokenize_request(const json::Object& body,
                                                     const RequestLimits& limits);
ApiResult<ApplyTemplateRequest> read_apply_template_request(const json::Object& body,
                                                            const RequestLimits& limits);

}  // namespace chitu
