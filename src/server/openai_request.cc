#include "server/openai_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/counted.h"
#include "base/quote.h"
#include "server/generation_fields.h"
#include "server/messages.h"
#include "server/request_fields.h"

namespace chitu {
namespace {

constexpr int64_t kDefaultCompletionTokens = 16;  // OpenAI's
constexpr int64_t kMaxModelBytes = 4096;
constexpr std::array<std::string_view, 7> kReasoningEfforts = {"none", "minimal", "low", "medium",
                                                               "high", "xhigh",   "max"};

void read_model(RequestFields& fields, std::string& model) {
  fields.string("model", kMaxModelBytes, model);
}

void read_reasoning_effort(RequestFields& fields, json::Object& variables) {
  const json::Value* value = fields.find("reasoning_effort");
  if (value == nullptr) return;
  const std::string name = fields.name("reasoning_effort");
  const std::string list = fmt::format("one of {}", fmt::join(kReasoningEfforts, ", "));
  if (!value->is_string()) return fields.fail(expected(name, list, *value, true));
  const std::string_view effort = value->get_string();
  if (std::find(kReasoningEfforts.begin(), kReasoningEfforts.end(), effort) ==
      kReasoningEfforts.end()) {
    return fields.fail(expected(name, list, *value, false));
  }
  variables.emplace("reasoning_effort", effort);  // what chat_template_kwargs says comes first
}

void read_documents(RequestFields& fields, std::optional<json::Array>& out) {
  const json::Array* documents = fields.array("documents");
  if (documents == nullptr) return;
  for (std::size_t i = 0; i < documents->size(); ++i) {
    const json::Value& item = (*documents)[i];
    if (item.is_object()) continue;
    return fields.fail(
        expected(fmt::format("{}[{}]", fields.name("documents"), i), "an object", item, true));
  }
  out = *documents;
}

void read_chat_prompt(RequestFields& fields, ChatPrompt& out) {
  if (fields.find("messages") == nullptr) {
    return fields.fail(missing(fields.name("messages"), "an array of messages"));
  }
  const json::Array* messages = fields.array("messages");
  if (messages == nullptr) return;
  auto checked = read_messages(*messages);
  if (!checked.ok()) {
    HttpError error = from_error(checked.error());
    error.param = fields.name("messages");
    return fields.fail(std::move(error));
  }
  out.messages = *std::move(checked);
  if (const json::Object* variables = fields.object("chat_template_kwargs")) {
    out.template_variables = *variables;
  }
  read_reasoning_effort(fields, out.template_variables);
  read_documents(fields, out.documents);
  fields.boolean("continue_final_message", out.continue_final_message);
  out.add_generation_prompt = !out.continue_final_message;
  fields.boolean("add_generation_prompt", out.add_generation_prompt);
  if (out.continue_final_message && out.add_generation_prompt) {
    fields.fail(invalid_value(fields.name("continue_final_message"),
                              "does not go with \"add_generation_prompt\": true, which begins "
                              "another message"));
  }
}

void read_chat_logprobs(RequestFields& fields, const RequestLimits& limits, int32_t& out) {
  bool logprobs = false;
  int64_t top = 0;
  fields.boolean("logprobs", logprobs);
  fields.integer("top_logprobs", {0, limits.max_logprobs}, top);
  if (top > 0 && !logprobs) {
    fields.fail(invalid_value(fields.name("top_logprobs"), "goes only with \"logprobs\": true"));
  }
  out = logprobs ? static_cast<int32_t>(top) : -1;
}

HttpError expected_prompt(const std::string& param, const json::Value& found) {
  return expected(param, "a string, an array of tokens, or an array of either", found, true);
}

ApiResult<Prompt> read_text_prompt(const json::Value& value, const std::string& param,
                                   const RequestLimits& limits) {
  const std::string_view text = value.get_string();
  if (text.empty()) return invalid_value(param, "there is no text");
  if (static_cast<int64_t>(text.size()) > limits.max_prompt_bytes) {
    return context_length_exceeded(param, fmt::format("{} bytes", text.size()), limits.max_seq_len);
  }
  return Prompt(std::string(text));
}

ApiResult<Prompt> read_token_prompt(const json::Array& array, const std::string& param,
                                    const RequestLimits& limits) {
  if (array.empty()) return invalid_value(param, "there are no tokens");
  if (static_cast<int64_t>(array.size()) >= limits.max_seq_len) {
    return context_length_exceeded(param, fmt::format("{} tokens", array.size()),
                                   limits.max_seq_len);
  }
  TRY(tokens, read_tokens(array, param, limits.vocab_size));
  return Prompt(std::move(tokens));
}

ApiResult<Prompt> read_one_prompt(const json::Value& value, const std::string& param,
                                  const RequestLimits& limits) {
  if (value.is_string()) return read_text_prompt(value, param, limits);
  if (value.is_array()) return read_token_prompt(value.get_array(), param, limits);
  return expected_prompt(param, value);
}

// A string, an array of tokens, or an array of strings and arrays of tokens.
ApiResult<std::vector<Prompt>> read_prompts(const RequestFields& fields, std::string_view key,
                                            int64_t max_prompts, const RequestLimits& limits,
                                            bool& is_list) {
  const std::string param = fields.name(key);
  const json::Value* value = fields.find(key);
  if (value == nullptr) return missing(param, "a string, or an array of strings or tokens");
  const json::Array* array = value->if_array();
  is_list = array != nullptr && !array->empty() && !array->front().is_number();
  std::vector<Prompt> prompts;
  if (!is_list) {
    TRY(prompt, read_one_prompt(*value, param, limits));
    prompts.push_back(std::move(prompt));
    return prompts;
  }
  if (static_cast<int64_t>(array->size()) > max_prompts) {
    return invalid_value(
        param, fmt::format("expected at most {} of them, found {}", max_prompts, array->size()));
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    TRY(prompt, read_one_prompt((*array)[i], prompt_name(param, true, i), limits));
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

// An integer: 0 stands for the sampled token's alone.
void read_completion_logprobs(RequestFields& fields, const RequestLimits& limits, bool echo,
                              int32_t& out) {
  if (fields.find("logprobs") == nullptr) return;
  fields.integer("logprobs", {0, limits.max_logprobs}, out);
  if (echo) {
    fields.fail(unsupported_parameter(
        fields.name("logprobs"),
        "does not go with \"echo\": true: logprobs of the prompt are not supported"));
  }
}

// An answer that is not streamed is kept whole, and most of it would be logprobs.
std::optional<HttpError> check_whole_logprobs(std::string_view param,
                                              const GenerationFields& generation,
                                              int64_t num_choices, const RequestLimits& limits) {
  if (generation.top_logprobs < 0 || generation.streaming.stream) return std::nullopt;
  const bool is_bounded = generation.max_tokens > 0 && generation.max_tokens < limits.max_seq_len;
  const int64_t tokens = is_bounded ? generation.max_tokens : limits.max_seq_len;
  const int64_t count = num_choices * tokens * (1 + generation.top_logprobs);
  if (count <= limits.max_whole_logprobs) return std::nullopt;
  return invalid_value(
      param,
      fmt::format("an answer that is not streamed has at most {} logprobs, and this one could "
                  "have {}, in {} of up to {} tokens; fewer \"max_tokens\" or "
                  "\"stream\": true would do",
                  limits.max_whole_logprobs, count, counted(num_choices, "choice"), tokens));
}

ApiResult<std::string> read_encoding_format(const RequestFields& fields) {
  const json::Value* value = fields.find("encoding_format");
  if (value == nullptr) return std::string("float");
  if (value->is_string() && (value->get_string() == "float" || value->get_string() == "base64")) {
    return std::string(value->get_string());
  }
  return expected(fields.name("encoding_format"), "\"float\" or \"base64\"", *value,
                  !value->is_string());
}

}  // namespace

std::string prompt_name(std::string_view field, bool is_list, size_t index) {
  return is_list ? fmt::format("{}[{}]", field, index) : std::string(field);
}

ApiResult<json::Object> parse_body(std::string_view body, const RequestLimits& limits) {
  json::Limits json_limits;
  json_limits.max_values = limits.max_values;
  auto value = json::parse(body, json_limits);
  if (!value.ok()) {
    HttpError error = invalid_value("", "the body: " + value.error().message);
    error.code = "invalid_json";
    return error;
  }
  if (!value->is_object()) {
    return invalid_value(
        "", fmt::format("the body: expected a JSON object, found {}", json::kind_name(*value)));
  }
  return std::move(value->get_object());
}

ApiResult<ChatRequest> read_chat_request(const json::Object& body, const RequestLimits& limits) {
  RequestFields fields(body);
  ChatRequest request;
  GenerationFields& generation = request.generation;
  read_model(fields, request.model);
  read_chat_prompt(fields, request.prompt);
  fields.boolean("add_special_tokens", request.add_special_tokens);
  read_generation(fields, limits, generation);
  read_max_tokens(fields, "max_tokens", generation);
  read_max_tokens(fields, "max_completion_tokens", generation);  // the newer name has precedence
  read_min_tokens(fields, generation);
  read_chat_logprobs(fields, limits, generation.top_logprobs);
  TRY_FIELDS(fields);
  if (auto error = check_whole_logprobs("top_logprobs", generation, generation.n, limits))
    return *std::move(error);
  return request;
}

ApiResult<CompletionRequest> read_completion_request(const json::Object& body,
                                                     const RequestLimits& limits) {
  RequestFields fields(body);
  CompletionRequest request;
  GenerationFields& generation = request.generation;
  generation.max_tokens = kDefaultCompletionTokens;
  read_model(fields, request.model);
  fields.boolean("add_special_tokens", request.add_special_tokens);
  fields.boolean("echo", request.echo);
  read_generation(fields, limits, generation);
  read_max_tokens(fields, "max_tokens", generation);
  read_min_tokens(fields, generation);
  read_completion_logprobs(fields, limits, request.echo, generation.top_logprobs);
  TRY_FIELDS(fields);
  TRY(prompts, read_prompts(fields, "prompt", limits.max_prompts, limits, request.is_list));
  request.prompts = std::move(prompts);
  const int64_t num_choices = static_cast<int64_t>(request.prompts.size()) * generation.n;
  if (num_choices > limits.max_prompts) {
    return invalid_value("n",
                         fmt::format("expected at most {} answers in all, found {} prompts "
                                     "with {} each",
                                     limits.max_prompts, request.prompts.size(), generation.n));
  }
  if (auto error = check_whole_logprobs("logprobs", generation, num_choices, limits))
    return *std::move(error);
  return request;
}

ApiResult<EmbeddingsRequest> read_embeddings_request(const json::Object& body,
                                                     const RequestLimits& limits) {
  RequestFields fields(body);
  EmbeddingsRequest request;
  read_model(fields, request.model);
  if (fields.find("dimensions") != nullptr) {
    int64_t dimensions = 0;
    fields.integer("dimensions", {1, std::numeric_limits<int32_t>::max()}, dimensions);
    request.dimensions = dimensions;
  }
  read_cache_salt(fields, request.cache_salt);
  TRY_FIELDS(fields);
  TRY(format, read_encoding_format(fields));
  request.base64 = format == "base64";
  TRY(inputs, read_prompts(fields, "input", limits.max_inputs, limits, request.is_list));
  request.inputs = std::move(inputs);
  return request;
}

ApiResult<TokenizeRequest> read_tokenize_request(const json::Object& body, const RequestLimits&) {
  RequestFields fields(body);
  TokenizeRequest request;
  read_model(fields, request.model);
  if (fields.find("messages") != nullptr) {
    request.field = "messages";
    request.add_special_tokens = false;
    read_chat_prompt(fields, request.input.emplace<ChatPrompt>());
  } else {
    if (fields.find("content") != nullptr) request.field = "content";
    if (fields.find(request.field) == nullptr) {
      return missing("prompt", "a string, or \"messages\" instead");
    }
    fields.string(request.field, std::numeric_limits<int64_t>::max(),
                  request.input.emplace<std::string>());
  }
  fields.boolean("add_special_tokens", request.add_special_tokens);
  fields.boolean("return_token_strs", request.return_token_strings);
  TRY_FIELDS(fields);
  return request;
}

ApiResult<DetokenizeRequest> read_detokenize_request(const json::Object& body,
                                                     const RequestLimits& limits) {
  RequestFields fields(body);
  DetokenizeRequest request;
  read_model(fields, request.model);
  const json::Array* tokens = fields.array("tokens");
  TRY_FIELDS(fields);
  if (tokens == nullptr) return missing("tokens", "an array of tokens");
  TRY(ids, read_tokens(*tokens, "tokens", limits.vocab_size));
  request.tokens = std::move(ids);
  return request;
}

ApiResult<ApplyTemplateRequest> read_apply_template_request(const json::Object& body,
                                                            const RequestLimits&) {
  RequestFields fields(body);
  ApplyTemplateRequest request;
  read_model(fields, request.model);
  read_chat_prompt(fields, request.prompt);
  TRY_FIELDS(fields);
  return request;
}

}  // namespace chitu
