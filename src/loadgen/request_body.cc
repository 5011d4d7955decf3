#include "loadgen/request_body.h"

#include "io/json.h"

namespace chitu::loadgen {

std::string_view target_of(Api api) {
  return api == Api::kChat ? "/v1/chat/completions" : "/v1/completions";
}

std::string request_body(const Prompt& prompt, const BodyOptions& options) {
  json::Object body{{"model", options.model},
                    {"max_tokens", prompt.max_tokens},
                    {"temperature", options.temperature},
                    {"stream", true},
                    {"stream_options", {{"include_usage", true}}}};
  if (options.ignore_eos) body["ignore_eos"] = true;
  if (options.api == Api::kChat) {
    body["messages"] = json::Array{json::Object{{"role", "user"}, {"content", prompt.text}}};
  } else {
    body["prompt"] = prompt.text;
  }
  return boost::json::serialize(body);
}

}  // namespace chitu::loadgen
