// What every command that computes needs: the model that the settings name, opened.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/chat_prompt.h"
#include "app/environment.h"
#include "app/make_ops.h"
#include "app/settings.h"
#include "base/result.h"
#include "engine/engine.h"
#include "io/checkpoint.h"
#include "text/tokenizer.h"

namespace chitu::app {

struct Session {
  std::string model_name;
  Backend backend;
  std::unique_ptr<Engine> engine;  // uses the back end
  std::optional<Tokenizer> tokenizer;
  std::optional<ChatPrompt> chat_prompt;  // none: not a chat model
  double load_seconds = 0;
};

// The checkpoint that the settings name, fetched if need be; with a preset, the sizes it states are
// compared with the checkpoint's own.
Result<Checkpoint> open_checkpoint(const Environment& environment, const Settings& settings);
Result<ModelConfig> checked_model_config(const Checkpoint& checkpoint, const Settings& settings);
Result<Tokenizer> open_tokenizer(const Checkpoint& checkpoint, const Settings& settings);

EngineOptions engine_options(const Settings& settings, const Backend& backend, int64_t max_reqs);

// Opens everything. `max_reqs` stands in for infer.max_reqs=auto. The memory plan goes to standard
// error.
Result<Session> open_session(const Environment& environment, const Settings& settings,
                             int64_t max_reqs);

// A request of `prompt` with the sampling and limits that the settings state.
Request make_request(const Settings& settings, std::vector<int32_t> prompt);

// The tokens of a conversation that the model is to continue, by its chat template.
Result<std::vector<int32_t>> encode_chat(const Session& session,
                                         std::span<const ChatMessage> messages);
// The tokens of a text as it is.
Result<std::vector<int32_t>> encode_text(const Session& session, std::string_view text);

std::string_view name(FinishReason reason);  // "stop", "length", "cancelled"

}  // namespace chitu::app
