// What every command that computes needs: the model that the settings name, opened.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/environment.h"
#include "app/make_ops.h"
#include "app/settings.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"
#include "io/checkpoint.h"
#include "io/json.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace chitu::app {

struct Session {
  std::string model_name;
  Backend backend;
  std::unique_ptr<Engine> engine;  // uses the back end
  std::optional<Tokenizer> tokenizer;
  // Nothing when the model is no chat model. A template that is broken is an error only to those
  // who need it.
  Result<std::optional<ChatTemplate>> chat_template = std::optional<ChatTemplate>();
  SamplingOptions sampling;  // the checkpoint's own, where the settings say auto
  double load_seconds = 0;
};

// What the settings call the model, or its file's or directory's name.
std::string model_name(const Settings& settings);

// The checkpoint that the settings name, fetched if need be; with a preset, the sizes it states are
// compared with the checkpoint's own.
Result<Checkpoint> open_checkpoint(const Environment& environment, const Settings& settings);
Result<ModelConfig> checked_model_config(const Checkpoint& checkpoint, const Settings& settings);
Result<Tokenizer> open_tokenizer(const Checkpoint& checkpoint, const Settings& settings);

SchedulingOptions scheduling_options(const Settings& settings);
EngineOptions engine_options(const Settings& settings, const Backend& backend, int64_t max_reqs);

// What the settings ask for and the machine does not have, a line each: threads, memory.
std::vector<std::string> beyond_machine(const Settings& settings, const Backend& backend);

struct OpenOptions {
  int64_t max_reqs = 1;  // where infer.max_reqs is auto
  bool quiet = false;    // notes and the memory plan are not written to standard error
  std::optional<SchedulingOptions> scheduling;  // else as the settings say
};

// What the model will take. Where settings leave the device open and the GPU lacks kernels for the
// model's weights, `backend` becomes the CPU, and a note says so.
Result<MemoryPlan> plan_model(const Environment& environment, const Settings& settings,
                              const OpenOptions& options, const Checkpoint& checkpoint,
                              const ModelConfig& config, Backend& backend);

// Opens everything.
Result<Session> open_session(const Environment& environment, const Settings& settings,
                             const OpenOptions& options = {});

// A request of `prompt` with the sampling and limits that the settings state; unless they say
// otherwise, the tokenizer's end tokens end the answer as the model's do.
Request make_request(const Session& session, const Settings& settings, std::vector<int32_t> prompt);

// Says on standard error which sampling is the checkpoint's choice, if any is.
void note_sampling(const Environment& environment, const Session& session,
                   const Settings& settings);

// Error: the model has no chat template, or a broken one.
Result<const ChatTemplate*> require_chat_template(const Session& session);

// The tokens of a conversation that the model is to continue, by its chat template. `messages` are
// objects with "role" and "content".
Result<std::vector<int32_t>> encode_chat(const Session& session, json::Array messages);
// The tokens of a text as it is.
Result<std::vector<int32_t>> encode_text(const Session& session, std::string_view text);

std::string_view name(FinishReason reason);  // "stop", "length", "cancelled", "error"

}  // namespace chitu::app
