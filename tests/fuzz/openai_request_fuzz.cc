// Any bytes as the body of each of OpenAI's requests, and as a line of a batch. What is refused is
// refused with 400 and in valid UTF-8 on one line; what is read is in its range.
#include <cmath>
#include <variant>

#include "base/check.h"
#include "server/batch_file.h"
#include "server/openai_request.h"
#include "text/utf8.h"

namespace {

using chitu::HttpError;

const chitu::RequestLimits kLimits{.vocab_size = 1000, .max_seq_len = 64, .max_prompt_bytes = 256};

void check(const HttpError& error) {
  CHECK(error.status == 400);
  CHECK(!error.message.empty() && error.message.size() < 4096);
  CHECK(error.message.find('\n') == std::string::npos);
  CHECK(chitu::utf8::valid_prefix(error.message) == error.message.size());
  CHECK(chitu::json::parse(chitu::error_response(error).body).ok());
}

bool in_range(const std::optional<double>& value, double min, double max) {
  return !value || (*value >= min && *value <= max);
}

void check(const chitu::SamplingFields& sampling) {
  CHECK(in_range(sampling.temperature, 0, 2));
  CHECK(in_range(sampling.top_p, 0, 1) && sampling.top_p != 0.0);
  CHECK(in_range(sampling.min_p, 0, 1));
  CHECK(in_range(sampling.repetition_penalty, 0, 10) && sampling.repetition_penalty != 0.0);
  CHECK(in_range(sampling.frequency_penalty, -2, 2));
  CHECK(in_range(sampling.presence_penalty, -2, 2));
  CHECK(sampling.top_k.value_or(0) >= 0);
  for (const auto& [token, bias] : sampling.logit_bias) {
    CHECK(token >= 0 && token < kLimits.vocab_size && std::abs(bias) <= 100);
  }
}

void check(const chitu::GenerationFields& generation) {
  check(generation.sampling);
  CHECK(generation.n >= 1 && generation.n <= kLimits.max_n);
  CHECK(generation.max_tokens >= 0 && generation.min_tokens >= 0);
  CHECK(generation.max_tokens == 0 || generation.min_tokens <= generation.max_tokens);
  CHECK(generation.top_logprobs >= -1 && generation.top_logprobs <= kLimits.max_logprobs);
  CHECK(generation.stop.size() <= static_cast<size_t>(kLimits.max_stop));
  for (const std::string& stop : generation.stop) {
    CHECK(!stop.empty() && stop.size() <= static_cast<size_t>(kLimits.max_stop_bytes));
  }
}

void check(const chitu::Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    CHECK(!text->empty() && text->size() <= static_cast<size_t>(kLimits.max_prompt_bytes));
    return;
  }
  const auto& tokens = std::get<std::vector<int32_t>>(prompt);
  CHECK(!tokens.empty() && tokens.size() < static_cast<size_t>(kLimits.max_seq_len));
  for (const int32_t token : tokens) CHECK(token >= 0 && token < kLimits.vocab_size);
}

void check(const chitu::ChatRequest& request) {
  CHECK(!request.prompt.messages.empty());
  check(request.generation);
}

void check(const chitu::CompletionRequest& request) {
  CHECK(!request.prompts.empty());
  for (const chitu::Prompt& prompt : request.prompts) check(prompt);
  check(request.generation);
}

void check(const chitu::EmbeddingsRequest& request) {
  CHECK(!request.inputs.empty());
  for (const chitu::Prompt& input : request.inputs) check(input);
}

void check(const chitu::TokenizeRequest&) {}
void check(const chitu::ApplyTemplateRequest& request) { CHECK(!request.prompt.messages.empty()); }
void check(const chitu::DetokenizeRequest& request) {
  for (const int32_t token : request.tokens) CHECK(token >= 0 && token < kLimits.vocab_size);
}

template <class T>
void check(const chitu::ApiResult<T>& result) {
  if (result.ok()) {
    check(*result);
  } else {
    check(result.error());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto line = chitu::read_batch_line(body, kLimits);
  if (const auto* error = std::get_if<chitu::BatchLineError>(&line)) check(error->error);
  const auto object = chitu::parse_body(body, kLimits);
  if (!object) {
    check(object.error());
    return 0;
  }
  check(chitu::read_chat_request(*object, kLimits));
  check(chitu::read_completion_request(*object, kLimits));
  check(chitu::read_embeddings_request(*object, kLimits));
  check(chitu::read_tokenize_request(*object, kLimits));
  check(chitu::read_detokenize_request(*object, kLimits));
  check(chitu::read_apply_template_request(*object, kLimits));
  return 0;
}
