#include "app/prompt_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "base/quote.h"
#include "io/json.h"
#include "server/messages.h"

namespace chitu::app {
namespace {

Result<Prompt> parse_text(const std::string& line) {
  TRY_STATUS(check_utf8(line));
  return Prompt{.text = line, .messages = {}};
}

Result<Prompt> parse_json(const std::string& line) {
  TRY(value, json::parse_unique(line));
  TRY(fields, json::Fields::of(value));
  for (const auto& field : value.get_object()) {
    if (field.key() == "prompt" || field.key() == "messages") continue;
    return make_error(ErrorCode::kInvalidArgument,
                      "unknown field {}: a line has \"prompt\" or \"messages\"; settings such as "
                      "request.temperature=0.7 go on the command line",
                      quote(std::string_view(field.key())));
  }
  if (value.get_object().size() != 1) {
    return make_error(ErrorCode::kInvalidArgument, "expected either \"prompt\" or \"messages\", {}",
                      value.get_object().empty() ? "found neither" : "found both");
  }
  if (fields.mentions("prompt")) {
    TRY(text, fields.string("prompt"));
    if (text.empty()) return make_error(ErrorCode::kInvalidArgument, "prompt: there is no text");
    return Prompt{.text = std::move(text), .messages = {}};
  }
  TRY(array, fields.array("messages"));
  TRY(messages, read_messages(*array));
  return Prompt{.text = "", .messages = std::move(messages)};
}

Error cannot_be_read(std::string_view name) {
  return make_error(ErrorCode::kIo, "{}: cannot be read: {}", name,
                    std::strerror(errno == 0 ? EIO : errno));
}

}  // namespace

Result<std::vector<FilePrompt>> read_prompts(std::istream& file, std::string_view name) {
  const bool is_json =
      name.ends_with(".jsonl") || (!std::filesystem::path(name).has_extension() &&
                                   file.peek() == std::char_traits<char>::to_int_type('{'));
  std::vector<FilePrompt> prompts;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const std::string where = fmt::format("{}:{}", name, number);
    Result<Prompt> prompt = is_json ? parse_json(line) : parse_text(line);
    if (!prompt.ok()) return std::move(prompt).error().within(where);
    prompts.push_back({.prompt = *std::move(prompt), .where = where});
  }
  if (file.bad()) return cannot_be_read(name);
  if (prompts.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "{}: no prompts in it", name);
  }
  return prompts;
}

Result<std::vector<FilePrompt>> read_prompt_file(const std::string& path) {
  errno = 0;
  if (path == "-") return read_prompts(std::cin, "standard input");
  std::ifstream file(path);
  if (!file) return cannot_be_read(path);
  return read_prompts(file, path);
}

}  // namespace chitu::app
