#include "server/routes/model_request.h"

#include <openssl/sha.h>

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
                                          bool add_special_tokens, std::string_view param) {
  if (const auto* tokens = std::get_if<std::vector<int32_t>>(&prompt)) return *tokens;
  return encode_prompt(*model.tokenizer, std::get<std::string>(prompt), add_special_tokens,
                       model.limits, param);
}

std::string cache_salt_of(const ServedModel& model, const HttpRequest& request,
                          std::string_view asked) {
  if (!model.cache_per_key) return std::string(asked);
  std::string_view key = request.headers.find("authorization").value_or("");
  key.remove_prefix(key.rfind(' ') + 1);  // of "Bearer KEY"; npos + 1 is 0
  // A digest, for it is of one length: no salt of a client's makes another's of it.
  std::string salt(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(),
         reinterpret_cast<unsigned char*>(salt.data()));
  return salt.append(asked);
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
