#include "app/conversation.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "server/messages.h"

namespace chitu::app {

void Conversation::reset() {
  const std::string kept = system();
  messages_.clear();
  set_system(kept);
}

void Conversation::set_system(std::string content) {
  if (!messages_.empty() && messages_[0].role == "system") messages_.erase(messages_.begin());
  if (!content.empty()) messages_.insert(messages_.begin(), {"system", std::move(content)});
}

std::string Conversation::system() const {
  return !messages_.empty() && messages_[0].role == "system" ? messages_[0].content : "";
}

std::string Conversation::undo() {
  if (!messages_.empty() && messages_.back().role == "assistant") messages_.pop_back();
  if (messages_.empty() || messages_.back().role != "user") return "";
  std::string question = std::move(messages_.back().content);
  messages_.pop_back();
  return question;
}

json::Array Conversation::to_json() const {
  json::Array list;
  for (const ChatMessage& message : messages_) {
    list.push_back(json::Object{{"role", message.role}, {"content", message.content}});
  }
  return list;
}

Status Conversation::save(const std::string& path) const {
  std::ofstream file(path);
  file << boost::json::serialize(json::Object{{"messages", to_json()}}) << '\n';
  file.close();
  if (!file) return make_error(ErrorCode::kIo, "{}: {}", path, std::strerror(errno));
  return {};
}

Result<Conversation> Conversation::load(const std::string& path) {
  TRY(value, json::parse_file(path));
  TRY(fields, json::Fields::of(value));
  TRY(array, fields.array("messages"));
  TRY(messages, read_messages(*array));
  Conversation conversation;
  for (const json::Value& item : messages) {
    TRY(message, json::Fields::of(item));
    TRY(role, message.string("role"));
    TRY(content, message.string("content"));
    conversation.add(std::move(role), std::move(content));
  }
  return conversation;
}

}  // namespace chitu::app
