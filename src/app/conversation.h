// The messages of a chat, and their file: {"messages": [{"role": "user", "content": "..."}, ...]}.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/json.h"

namespace chitu::app {

struct ChatMessage {
  std::string role;
  std::string content;
};

class Conversation {
 public:
  const std::vector<ChatMessage>& messages() const { return messages_; }
  bool empty() const { return messages_.empty(); }

  void add(std::string role, std::string content) {
    messages_.push_back({std::move(role), std::move(content)});
  }
  // Everything but the system message.
  void reset();
  // The system message, the first of all; empty: none.
  void set_system(std::string content);
  std::string system() const;
  // Takes the last answer and its question back, and returns the question; empty: there is none.
  std::string undo();

  json::Array to_json() const;
  Status save(const std::string& path) const;
  static Result<Conversation> load(const std::string& path);

 private:
  std::vector<ChatMessage> messages_;
};

}  // namespace chitu::app
