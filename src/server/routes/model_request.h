// What all routes that need the model do first.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/api_result.h"
#include "server/exchange.h"
#include "server/server_state.h"

namespace chitu {

// Nothing, or why no request is taken now: 503.
std::optional<HttpError> refusal(const ServerState& state);

// 404 unless `name` is the model's, or empty.
std::optional<HttpError> check_model(const ServedModel& model, std::string_view name);

// 400 when the model is no chat model, or its template is broken.
ApiResult<const ChatTemplate*> require_chat_template(const ServedModel& model);

// Of a text, or the tokens themselves. `param`: the field that errors name.
ApiResult<std::vector<int32_t>> tokens_of(const ServedModel& model, const Prompt& prompt,
                                          bool add_special_tokens, std::string_view param);

// Of which requests share cached prompts: those of one client who ask for the same salt. Clients
// are told apart by their API keys, where there are several.
std::string cache_salt_of(const ServedModel& model, const HttpRequest& request,
                          std::string_view asked);

// Calls `work`, which makes a body; when it is `large`, on a thread where it holds up nobody but
// other large ones.
template <class F>
asio::awaitable<std::string> make_body(ServerState& state, bool large, F work) {
  if (large) co_return co_await state.worker.run_answer(std::move(work));
  co_return work();
}

// The refusal of a request by the engine.
HttpError submit_error(const Error& error);

// Has the worker make of the request's body what the route needs; not when the client has left
// before its turn came. Nothing: the request is answered already, with an error, or its client is
// gone.
template <class T>
asio::awaitable<std::optional<T>> read_request(Exchange& exchange, ServerState& state,
                                               ApiResult<T> (*read)(const ServedModel& model,
                                                                    const json::Object& body)) {
  std::optional<HttpError> error = refusal(state);
  if (!error) {
    const ServedModel& model = *state.model;
    const std::string body = std::move(exchange.request().body);
    // Shared: the exchange keeps its callback for as long as the route runs.
    const auto is_gone = std::make_shared<std::atomic<bool>>(false);
    exchange.on_disconnect([is_gone] { *is_gone = true; });
    const auto work = [&]() -> ApiResult<T> {
      if (*is_gone) return HttpError{};  // which nobody sees
      TRY(object, parse_body(body, model.limits));
      return read(model, object);
    };
    ApiResult<T> result = co_await state.worker.run(work);
    if (exchange.disconnected()) co_return std::nullopt;
    if (result.ok()) co_return *std::move(result);
    error = std::move(result).error();
  }
  co_await exchange.respond(error_response(*error));
  co_return std::nullopt;
}

}  // namespace chitu
