#include "loadgen/answer_reader.h"

#include <string>

#include "base/quote.h"
#include "io/json.h"

namespace chitu::loadgen {
namespace {

constexpr json::Limits kLimits{.max_depth = 32, .max_values = 1'000'000};
constexpr int64_t kMaxTokens = int64_t{1} << 40;

const json::Object* object_at(const json::Object& parent, std::string_view key) {
  const json::Value* value = parent.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

bool has_text(const json::Object& parent, std::string_view key) {
  const json::Value* value = parent.if_contains(key);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text != nullptr && !text->empty();
}

bool has_items(const json::Object& parent, std::string_view key) {
  const json::Value* value = parent.if_contains(key);
  const auto* items = value == nullptr ? nullptr : value->if_array();
  return items != nullptr && !items->empty();
}

// Servers send fields that are empty or null in chunks without text, and call the text of reasoning
// reasoning_content (SGLang, llama.cpp) or reasoning (vLLM).
bool carries_text(const json::Object& choice) {
  if (has_text(choice, "text")) return true;
  const json::Object* delta = object_at(choice, "delta");
  return delta != nullptr &&
         (has_text(*delta, "content") || has_text(*delta, "reasoning_content") ||
          has_text(*delta, "reasoning") || has_items(*delta, "tool_calls"));
}

int64_t count_of(const json::Object& usage, std::string_view key) {
  return json::Fields(usage).integer_or(key, 0, 0, kMaxTokens).value_or(0);
}

void read_usage(const json::Object& usage, RequestRecord& record) {
  record.usage_came = true;
  record.prompt_tokens = count_of(usage, "prompt_tokens");
  record.output_tokens = count_of(usage, "completion_tokens");
  const json::Object* details = object_at(usage, "prompt_tokens_details");
  if (details != nullptr) record.cached_tokens = count_of(*details, "cached_tokens");
}

// {"error": {"message": "..."}} and {"error": "..."}; empty when it is neither
std::string message_of(const json::Object& body) {
  if (const json::Object* error = object_at(body, "error")) {
    return json::Fields(*error).string_or("message", "").value_or("");
  }
  return json::Fields(body).string_or("error", "").value_or("");
}

}  // namespace

bool AnswerReader::fail(std::string_view kind, std::string_view text) {
  record_->failure = kind;
  record_->failure_text = quote(text, 160);
  return false;
}

bool AnswerReader::take(std::string_view data, double now) {
  if (data == "[DONE]") {
    done_ = true;
    return false;
  }
  const Result<json::Value> value = json::parse(data, kLimits);
  if (!value.ok() || !value->is_object()) return fail("malformed stream", data);
  const json::Object& chunk = value->get_object();
  if (chunk.contains("error") && !chunk.at("error").is_null()) {
    return fail("error in stream", message_of(chunk));
  }
  if (const json::Object* usage = object_at(chunk, "usage")) read_usage(*usage, *record_);
  const json::Value* choices = chunk.if_contains("choices");
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return true;
  const json::Object* choice = choices->get_array().front().if_object();
  if (choice == nullptr) return fail("malformed stream", data);
  if (carries_text(*choice)) record_->arrivals.push_back(now);
  const std::string reason = json::Fields(*choice).string_or("finish_reason", "").value_or("");
  if (!reason.empty()) record_->finish_reason = reason;
  return true;
}

void AnswerReader::end(double now) {
  RequestRecord& record = *record_;
  record.end = now;
  record.ended = true;
  if (!record.failure.empty()) return;
  if (!done_ && record.finish_reason.empty()) {
    fail("closed early", "the stream ended before a finish reason and [DONE]");
    return;
  }
  if (record.arrivals.empty()) {
    // Tokens without text, such as an end token at once, are an answer too.
    if (record.output_tokens < 1) {
      fail("no tokens", "the answer has neither text nor tokens");
      return;
    }
    record.arrivals.push_back(now);
  }
  if (!record.usage_came) record.output_tokens = static_cast<int64_t>(record.arrivals.size());
}

std::string error_text(std::string_view body) {
  const Result<json::Value> value = json::parse(body, kLimits);
  const std::string message =
      value.ok() && value->is_object() ? message_of(value->get_object()) : "";
  return quote(message.empty() ? body : message, 160);
}

}  // namespace chitu::loadgen
