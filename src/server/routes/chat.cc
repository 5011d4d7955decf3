// POST /v1/chat/completions

#include "server/chat_prompt.h"
#include "server/routes/generate.h"
#include "server/routes/model_request.h"
#include "server/routes/routes.h"

namespace chitu {
namespace {

constexpr AnswerFormat kFormat{.id_prefix = "chatcmpl-",
                               .whole = chat_completion,
                               .first_chunk = chat_role_chunk,
                               .chunk = chat_chunk,
                               .usage_chunk = chat_usage_chunk};

ApiResult<GenerationJob> read_chat(const ServedModel& model, const json::Object& body) {
  TRY(request, read_chat_request(body, model.limits));
  if (auto error = check_model(model, request.model)) return *std::move(error);
  TRY(chat_template, require_chat_template(model));
  TRY(text, render_chat(*chat_template, request.prompt));
  TRY(tokens,
      encode_prompt(*model.tokenizer, text, request.add_special_tokens, model.limits, "messages"));
  GenerationJob job{.fields = std::move(request.generation)};
  job.prompts.push_back({.tokens = std::move(tokens)});
  return job;
}

asio::awaitable<void> chat(Exchange& exchange, ServerState& state) {
  const double arrival = steady_seconds();
  std::optional<GenerationJob> job = co_await read_request(exchange, state, read_chat);
  if (job) co_await generate(exchange, state, kFormat, *std::move(job), arrival);
}

}  // namespace

void add_chat_route(Router& router, ServerState& state) {
  router.add("POST", "/v1/chat/completions",
             [&state](Exchange& exchange) { return chat(exchange, state); });
}

}  // namespace chitu
