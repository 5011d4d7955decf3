#include "app/served_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "app/sampling_defaults.h"
#include "app/server_options.h"

namespace chitu::app {
namespace {

// Of a text that may be a prompt. What is longer is not worth tokenizing: no token stands for more
// bytes than the longest, but for what a tokenizer drops or replaces (blanks, unknown characters).
int64_t max_prompt_bytes(const Tokenizer& tokenizer, int64_t max_seq_len) {
  size_t longest = 4;  // bytes of a character
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    longest = std::max(longest, tokenizer.bytes(id).size());
  }
  return max_seq_len * static_cast<int64_t>(longest);
}

}  // namespace

ServedModel served_model(const Session& session, const Settings& settings, Service& service) {
  ServedModel model{.name = session.model_name,
                    .created = static_cast<int64_t>(std::time(nullptr)),
                    .fingerprint = fmt::format("chitu-{}", CHITU_VERSION),
                    .service = &service,
                    .tokenizer = &*session.tokenizer,
                    .chat_template = &session.chat_template,
                    .limits = request_limits(settings),
                    .hidden_size = session.engine->config().hidden_size,
                    .sampling = sampling_of(settings, session.sampling),
                    .ignore_eos = !settings.boolean("infer.stop_with_eos")};
  model.limits.vocab_size = session.engine->config().vocab_size;
  model.limits.max_seq_len = session.engine->memory().max_seq_len;
  model.limits.max_prompt_bytes =
      std::min(model.limits.max_prompt_bytes,
               max_prompt_bytes(*session.tokenizer, model.limits.max_seq_len));
  // What asks for more at once than there is ever room for would be told to try again for ever.
  model.limits.max_n = std::min(model.limits.max_n, service.capacity());
  model.limits.max_prompts = std::min(model.limits.max_prompts, service.capacity());
  const size_t num_keys = split_list(settings.text("serve.api_keys")).size() +
                          (settings.text("serve.admin_key").empty() ? 0 : 1);
  model.cache_per_key = num_keys > 1;
  if (!model.ignore_eos) model.stop_tokens = session.tokenizer->special().eos;
  return model;
}

}  // namespace chitu::app
