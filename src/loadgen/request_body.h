// The JSON that is sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "loadgen/workload.h"

namespace chitu::loadgen {

enum class Api : uint8_t { kChat, kCompletions };

std::string_view target_of(Api api);  // "/v1/chat/completions"

struct BodyOptions {
  Api api = Api::kChat;
  std::string model;
  double temperature = 0;
  bool ignore_eos = false;  // an extension that vLLM, llama.cpp and chitu know
};

// A request for a stream with usage at its end.
std::string request_body(const Prompt& prompt, const BodyOptions& options);

}  // namespace chitu::loadgen
