// POST /tokenize, /detokenize, /apply-template: the tokenizer and the chat template by themselves.

#include <fmt/format.h>

#include <utility>

#include "server/chat_prompt.h"
#include "server/openai_response.h"
#include "server/routes/model_request.h"
#include "server/routes/routes.h"

namespace chitu {
namespace {

ApiResult<std::string> render(const ServedModel& model, const ChatPrompt& prompt) {
  TRY(chat_template, require_chat_template(model));
  return render_chat(*chat_template, prompt);
}

ApiResult<std::string> tokenize(const ServedModel& model, const json::Object& body) {
  TRY(request, read_tokenize_request(body, model.limits));
  if (auto error = check_model(model, request.model)) return *std::move(error);
  std::string text;
  if (const auto* chat = std::get_if<ChatPrompt>(&request.input)) {
    TRY(rendered, render(model, *chat));
    text = std::move(rendered);
  } else {
    text = std::get<std::string>(std::move(request.input));
  }
  if (auto error = check_length(text, model.limits, request.field)) return *std::move(error);
  const auto tokens = model.tokenizer->encode(
      text, {.add_special_tokens = request.add_special_tokens, .parse_special = true});
  if (!tokens.ok()) return from_error(tokens.error(), request.field);
  if (!request.return_token_strings) return tokenize_body(*tokens, model.limits.max_seq_len);
  std::vector<std::string> strings;
  strings.reserve(tokens->size());
  for (const int32_t token : *tokens) strings.emplace_back(model.tokenizer->token(token));
  return tokenize_body(*tokens, model.limits.max_seq_len, strings);
}

ApiResult<std::string> detokenize(const ServedModel& model, const json::Object& body) {
  TRY(request, read_detokenize_request(body, model.limits));
  if (auto error = check_model(model, request.model)) return *std::move(error);
  return detokenize_body(model.tokenizer->decode(request.tokens, false));
}

ApiResult<std::string> apply_template(const ServedModel& model, const json::Object& body) {
  TRY(request, read_apply_template_request(body, model.limits));
  if (auto error = check_model(model, request.model)) return *std::move(error);
  TRY(text, render(model, request.prompt));
  return apply_template_body(text);
}

using Read = ApiResult<std::string> (*)(const ServedModel& model, const json::Object& body);

asio::awaitable<void> answer(Exchange& exchange, ServerState& state, Read read) {
  std::optional<std::string> body = co_await read_request(exchange, state, read);
  if (!body) co_return;
  HttpResponse response;
  response.body = *std::move(body);
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_text_routes(Router& router, ServerState& state) {
  const auto add = [&](std::string_view path, Read read) {
    router.add("POST", path,
               [&state, read](Exchange& exchange) { return answer(exchange, state, read); });
  };
  add("/tokenize", tokenize);
  add("/detokenize", detokenize);
  add("/apply-template", apply_template);
}

}  // namespace chitu
