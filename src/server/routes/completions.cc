// POST /v1/completions

#include "server/chat_prompt.h"
#include "server/routes/generate.h"
#include "server/routes/model_request.h"
#include "server/routes/routes.h"

namespace chitu {
namespace {

constexpr AnswerFormat kFormat{.id_prefix = "cmpl-",
                               .whole = text_completion,
                               .first_chunk = nullptr,
                               .chunk = text_chunk,
                               .usage_chunk = text_usage_chunk};

std::string text_of(const ServedModel& model, const Prompt& prompt) {
  const auto* tokens = std::get_if<std::vector<int32_t>>(&prompt);
  return tokens == nullptr ? std::get<std::string>(prompt) : model.tokenizer->decode(*tokens);
}

ApiResult<GenerationJob> read_completion(const ServedModel& model, const json::Object& body) {
  TRY(request, read_completion_request(body, model.limits));
  if (auto error = check_model(model, request.model)) return *std::move(error);
  GenerationJob job{.fields = std::move(request.generation)};
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    const Prompt& prompt = request.prompts[i];
    TRY(tokens, tokens_of(model, prompt, request.add_special_tokens,
                          prompt_name("prompt", request.is_list, i)));
    job.prompts.push_back({.tokens = std::move(tokens),
                           .echo = request.echo ? text_of(model, prompt) : std::string()});
  }
  return job;
}

asio::awaitable<void> complete(Exchange& exchange, ServerState& state) {
  const double arrival = steady_seconds();
  std::optional<GenerationJob> job = co_await read_request(exchange, state, read_completion);
  if (job) co_await generate(exchange, state, kFormat, *std::move(job), arrival);
}

}  // namespace

void add_completions_route(Router& router, ServerState& state) {
  router.add("POST", "/v1/completions",
             [&state](Exchange& exchange) { return complete(exchange, state); });
}

}  // namespace chitu
