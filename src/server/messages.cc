#include "server/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/quote.h"

namespace chitu {
namespace {

// The last two are what Llama 3 and GLM-4 call "tool".
constexpr std::array<std::string_view, 7> kRoles = {
    "system", "developer", "user", "assistant", "tool", "ipython", "observation"};

Result<std::string> join_parts(const json::Array& parts) {
  std::string text;
  for (const json::Value& item : parts) {
    TRY(part, json::Fields::of(item));
    TRY(type, part.string("type"));
    if (type != "text") {
      return make_error(ErrorCode::kUnsupported,
                        "content: a part of type {}, only \"text\" is read", quote(type));
    }
    TRY(piece, part.string("text"));
    if (&item != parts.data()) text += '\n';
    text += piece;
  }
  return text;
}

Result<json::Object> read_message(const json::Value& value) {
  TRY(fields, json::Fields::of(value));
  TRY(role, fields.string("role"));
  if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
    return make_error(ErrorCode::kInvalidArgument, "role: expected one of {}, found {}",
                      fmt::join(kRoles, ", "), quote(role));
  }
  json::Object message = value.get_object();
  const json::Value* content = fields.find("content");
  if (content == nullptr && fields.has("tool_calls")) return message;
  if (content != nullptr && content->is_array()) {
    TRY(text, join_parts(content->get_array()));
    message["content"] = text;
    return message;
  }
  TRY(text, fields.string("content"));
  (void)text;
  return message;
}

}  // namespace

Result<json::Array> read_messages(const json::Array& messages) {
  if (messages.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "messages: expected at least one");
  }
  json::Array checked;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    Result<json::Object> message = read_message(messages[i]);
    if (!message.ok()) return std::move(message).error().within(fmt::format("messages[{}]", i));
    checked.push_back(*std::move(message));
  }
  return checked;
}

}  // namespace chitu
