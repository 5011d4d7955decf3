#include "server/generation_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/quote.h"

namespace chitu {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMinInt32 = std::numeric_limits<int32_t>::min();
constexpr int64_t kMaxLogitBias = 1024;
constexpr int64_t kMaxStopTokens = 256;
constexpr int64_t kMaxSaltBytes = 256;
constexpr NumberRange kBiasRange = {.min = -100, .max = 100};

struct Unsupported {
  std::string_view field;
  std::string_view what;
};

// Beside response_format and the choices of tools, which have values that ask for nothing.
constexpr std::array<Unsupported, 19> kUnsupported = {{
    {"tools", "tool calls are not supported"},
    {"functions", "function calls are not supported"},
    {"guided_json", "structured output is not supported"},
    {"guided_regex", "structured output is not supported"},
    {"guided_choice", "structured output is not supported"},
    {"guided_grammar", "structured output is not supported"},
    {"structured_outputs", "structured output is not supported"},
    {"json_schema", "structured output is not supported"},
    {"regex", "structured output is not supported"},
    {"ebnf", "structured output is not supported"},
    {"grammar", "structured output is not supported"},
    {"audio", "audio is not supported"},
    {"web_search_options", "web search is not supported"},
    {"chat_template", "the model's own chat template is used, never one of a request"},
    {"suffix", "text cannot be inserted before a suffix"},
    {"use_beam_search", "beam search is not supported"},
    {"prompt_logprobs", "logprobs of the prompt are not supported"},
    {"truncate_prompt_tokens", "prompts are not truncated; send a shorter one"},
    {"prompt_embeds", "a prompt is text or tokens"},
}};

// null, false, "", [], {}
bool asks_for_nothing(const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return true;
    case boost::json::kind::bool_:
      return !value.get_bool();
    case boost::json::kind::string:
      return value.get_string().empty();
    case boost::json::kind::array:
      return value.get_array().empty();
    case boost::json::kind::object:
      return value.get_object().empty();
    default:
      return false;
  }
}

bool is_string(const json::Value& value, std::string_view text) {
  return value.is_string() && std::string_view(value.get_string()) == text;
}

void refuse_response_format(RequestFields& fields) {
  const json::Object* format = fields.object("response_format");
  if (format == nullptr) return;
  const json::Value* type = format->if_contains("type");
  if (type == nullptr || !type->is_string()) {
    return fields.fail(
        type == nullptr ? missing(fields.name("response_format.type"), "a string")
                        : expected(fields.name("response_format.type"), "a string", *type, true));
  }
  if (is_string(*type, "text")) return;
  fields.fail(unsupported_parameter(fields.name("response_format"),
                                    fmt::format("only the type \"text\" is supported, found {}",
                                                quote(std::string_view(type->get_string())))));
}

void refuse_tool_choice(RequestFields& fields, std::string_view key) {
  const json::Value* choice = fields.find(key);
  if (choice == nullptr || is_string(*choice, "none") || is_string(*choice, "auto")) return;
  fields.fail(unsupported_parameter(fields.name(key), "tool calls are not supported"));
}

void refuse_modalities(RequestFields& fields) {
  const json::Array* modalities = fields.array("modalities");
  if (modalities == nullptr) return;
  for (const json::Value& item : *modalities) {
    if (is_string(item, "text")) continue;
    fields.fail(unsupported_parameter(fields.name("modalities"), "only \"text\" is supported"));
  }
}

void read_seed(RequestFields& fields, SamplingFields& out) {
  const json::Value* value = fields.find("seed");
  if (value == nullptr) return;
  if (value->is_uint64()) {
    out.seed = value->get_uint64();
  } else if (const std::optional<int64_t> seed = as_integer(*value)) {
    out.seed = static_cast<uint64_t>(*seed);
  } else {
    fields.fail(
        expected(fields.name("seed"), "an integer of 64 bits", *value, !value->is_number()));
  }
}

void read_logit_bias(RequestFields& fields, const RequestLimits& limits, SamplingFields& out) {
  const json::Object* biases = fields.object("logit_bias");
  if (biases == nullptr) return;
  if (static_cast<int64_t>(biases->size()) > kMaxLogitBias) {
    return fields.fail(invalid_value(
        fields.name("logit_bias"),
        fmt::format("expected at most {} tokens, found {}", kMaxLogitBias, biases->size())));
  }
  RequestFields inner(*biases, fields.name("logit_bias") + ".");
  for (const auto& entry : *biases) {
    const std::string_view key = entry.key();
    int32_t token = -1;
    const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), token);
    const bool is_number = code == std::errc() && end == key.data() + key.size();
    // "007" would be a second name of token 7.
    if (!is_number || token < 0 || token >= limits.vocab_size || fmt::to_string(token) != key) {
      return fields.fail(
          invalid_value(fields.name("logit_bias"),
                        fmt::format("expected the ids of tokens in [0, {}] as keys, found {}",
                                    limits.vocab_size - 1, quote(key))));
    }
    if (entry.value().is_null()) continue;
    double bias = 0;
    inner.number(key, kBiasRange, bias);
    out.logit_bias.emplace_back(token, static_cast<float>(bias));
  }
  fields.adopt(std::move(inner));
}

void read_sampling(RequestFields& fields, const RequestLimits& limits, SamplingFields& out) {
  fields.number("temperature", {.min = 0, .max = 2}, out.temperature);
  fields.number("top_p", {.min = 0, .max = 1, .above_min = true}, out.top_p);
  fields.number("min_p", {.min = 0, .max = 1}, out.min_p);
  fields.number("repetition_penalty", {.min = 0, .max = 10, .above_min = true},
                out.repetition_penalty);
  fields.number("frequency_penalty", {.min = -2, .max = 2}, out.frequency_penalty);
  fields.number("presence_penalty", {.min = -2, .max = 2}, out.presence_penalty);
  if (fields.find("top_k") != nullptr) {
    int64_t top_k = 0;
    fields.integer("top_k", {-1, kMaxInt32}, top_k);
    out.top_k = static_cast<int32_t>(std::max<int64_t>(top_k, 0));
  }
  read_seed(fields, out);
  read_logit_bias(fields, limits, out);
}

// A string, or an array of them.
void read_stop(RequestFields& fields, const RequestLimits& limits, std::vector<std::string>& out) {
  const json::Value* value = fields.find("stop");
  if (value == nullptr) return;
  const std::string name = fields.name("stop");
  const auto add = [&](const json::Value& item, const std::string& param) {
    if (!item.is_string()) return fields.fail(expected(param, "a string", item, true));
    const std::string_view text = item.get_string();
    if (text.empty() || static_cast<int64_t>(text.size()) > limits.max_stop_bytes) {
      return fields.fail(invalid_value(param, fmt::format("expected 1 to {} bytes, found {}",
                                                          limits.max_stop_bytes, text.size())));
    }
    out.emplace_back(text);
  };
  if (value->is_string()) return add(*value, name);
  if (!value->is_array()) {
    return fields.fail(expected(name, "a string or an array of strings", *value, true));
  }
  const json::Array& items = value->get_array();
  if (static_cast<int64_t>(items.size()) > limits.max_stop) {
    return fields.fail(invalid_value(
        name, fmt::format("expected at most {} strings, found {}", limits.max_stop, items.size())));
  }
  for (std::size_t i = 0; i < items.size(); ++i) add(items[i], fmt::format("{}[{}]", name, i));
}

void read_stop_token_ids(RequestFields& fields, const RequestLimits& limits,
                         std::vector<int32_t>& out) {
  const json::Array* ids = fields.array("stop_token_ids");
  if (ids == nullptr) return;
  const std::string name = fields.name("stop_token_ids");
  if (static_cast<int64_t>(ids->size()) > kMaxStopTokens) {
    return fields.fail(invalid_value(
        name, fmt::format("expected at most {} tokens, found {}", kMaxStopTokens, ids->size())));
  }
  auto tokens = read_tokens(*ids, name, limits.vocab_size);
  if (!tokens) return fields.fail(std::move(tokens).error());
  out = *std::move(tokens);
}

void read_streaming(RequestFields& fields, StreamFields& out) {
  fields.boolean("stream", out.stream);
  const json::Object* options = fields.object("stream_options");
  if (options == nullptr) return;
  if (!out.stream) {
    return fields.fail(
        invalid_value(fields.name("stream_options"), "goes only with \"stream\": true"));
  }
  RequestFields inner(*options, fields.name("stream_options."));
  inner.boolean("include_usage", out.include_usage);
  fields.adopt(std::move(inner));
}

// The best of several answers is not searched for: as many are made as are returned.
void read_n(RequestFields& fields, const RequestLimits& limits, int64_t& n) {
  fields.integer("n", {1, limits.max_n}, n);
  int64_t best_of = n;
  fields.integer("best_of", {1, limits.max_n}, best_of);
  if (best_of != n && best_of != 1) {
    fields.fail(unsupported_parameter(
        fields.name("best_of"),
        fmt::format("expected 1, or as many as n, which is {}; found {}", n, best_of)));
  }
}

}  // namespace

void refuse_unsupported(RequestFields& fields) {
  for (const Unsupported& row : kUnsupported) {
    const json::Value* value = fields.find(row.field);
    if (value == nullptr || asks_for_nothing(*value)) continue;
    fields.fail(unsupported_parameter(fields.name(row.field), row.what));
  }
  refuse_tool_choice(fields, "tool_choice");
  refuse_tool_choice(fields, "function_call");
  refuse_response_format(fields);
  refuse_modalities(fields);
}

void read_max_tokens(RequestFields& fields, std::string_view key, GenerationFields& out) {
  fields.integer(key, {1, kMaxInt32}, out.max_tokens);
}

void read_min_tokens(RequestFields& fields, GenerationFields& out) {
  const int64_t max = out.max_tokens == 0 ? kMaxInt32 : out.max_tokens;
  fields.integer("min_tokens", {0, max}, out.min_tokens);
}

void read_cache_salt(RequestFields& fields, std::string& out) {
  fields.string("cache_salt", kMaxSaltBytes, out);
}

void read_generation(RequestFields& fields, const RequestLimits& limits, GenerationFields& out) {
  refuse_unsupported(fields);
  read_sampling(fields, limits, out.sampling);
  read_n(fields, limits, out.n);
  read_stop(fields, limits, out.stop);
  read_stop_token_ids(fields, limits, out.stop_token_ids);
  read_streaming(fields, out.streaming);
  fields.boolean("ignore_eos", out.ignore_eos);
  fields.boolean("include_stop_str_in_output", out.include_stop);
  fields.boolean("skip_special_tokens", out.skip_special_tokens);
  fields.integer("priority", {kMinInt32, limits.max_priority}, out.priority);
  read_cache_salt(fields, out.cache_salt);
}

}  // namespace chitu
