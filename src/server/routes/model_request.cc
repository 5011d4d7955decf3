#include "server/routes/model_request.h"

#include "server/chat_prompt.h"

namespace chitu {

std::optional<HttpError> refusal(const ServerState& state) {
  if (state.draining) return unavailable("the server is going down");
  if (!state.model) return unavailable("the model is being loaded; GET /ready says when it is");
  return std::nullopt;
}

std::optional<HttpError> check_model(const ServedModel& model, std::string_view name) {
  if (name.empty() || name == model.name) return std::nullopt;
  return model_not_found(name);
}

ApiResult<const ChatTemplate*> require_chat_template(const ServedModel& model) {
  const Result<std::optional<ChatTemplate>>& loaded = *model.chat_template;
  if (!loaded.ok()) {
    return unsupported_parameter("messages", "this model's chat template is broken");
  }
  if (!loaded->has_value()) {
    return unsupported_parameter(
        "messages", "this model has no chat template; POST /v1/completions continues a text");
  }
  return &**loaded;
}

ApiResult<std::vector<int32_t>> tokens_of(const ServedModel& model, const Prompt& prompt,
                                          bool add_special_tokens) {
  if (const auto* tokens = std::get_if<std::vector<int32_t>>(&prompt)) return *tokens;
  return encode_prompt(*model.tokenizer, std::get<std::string>(prompt), add_special_tokens,
                       model.limits);
}

HttpError submit_error(const Error& error) {
  switch (error.code) {
    case ErrorCode::kResourceExhausted:
      return no_room(error.message);
    case ErrorCode::kCancelled:
      return unavailable("the server is going down");
    default:
      return from_error(error);
  }
}

}  // namespace chitu
