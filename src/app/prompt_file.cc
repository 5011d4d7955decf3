#include "app/prompt_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <unordered_map>

#include "app/interrupt.h"
#include "app/terminal.h"
#include "io/json.h"
#include "text/stream_decoder.h"
#include "text/utf8.h"

namespace chitu::app {
namespace {

Result<FilePrompt> parse_line(const std::string& line) {
  TRY(value, json::parse(line));
  TRY(fields, json::Fields::of(value));
  if (fields.has("prompt")) {
    TRY(text, fields.string("prompt"));
    return FilePrompt{std::move(text), {}};
  }
  TRY(messages, fields.array("messages"));
  FilePrompt prompt{.text = "", .messages = *messages};
  for (const json::Value& item : prompt.messages) {
    TRY(message, json::Fields::of(item));
    TRY(role, message.string("role"));
    const json::Value* content = message.find("content");
    prompt.text =
        content != nullptr && content->is_string() ? std::string(content->get_string()) : "";
    if (role.empty() || (content == nullptr && !message.has("tool_calls"))) {
      return make_error(ErrorCode::kInvalidArgument, "messages: each needs a role and a content");
    }
  }
  if (prompt.messages.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "messages: expected at least one");
  }
  return prompt;
}

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

Result<File> open_output(const std::string& path) {
  File file(path.empty() ? stdout : std::fopen(path.c_str(), "w"));
  if (file == nullptr) {
    return make_error(ErrorCode::kIo, "{}: cannot be written: {}", path, std::strerror(errno));
  }
  return file;
}

// One prompt's answer while it is being made.
struct Pending {
  explicit Pending(const Tokenizer& tokenizer) : decoder(tokenizer) {}

  StreamDecoder decoder;
  std::string text;
  json::Array tokens;
  FinishReason finish = FinishReason::kNone;
};

void take(Pending& pending, const TokenEvent& event) {
  pending.tokens.push_back(event.token);
  if (event.finish != FinishReason::kStop) pending.text += pending.decoder.push(event.token);
  if (event.finish != FinishReason::kNone) {
    pending.text += pending.decoder.flush();
    pending.finish = event.finish;
  }
}

std::string line_of(std::size_t index, const FilePrompt& prompt, Pending& pending) {
  return boost::json::serialize(json::Object{{"index", index},
                                             {"prompt", prompt.text},
                                             {"text", pending.text},
                                             {"tokens", std::move(pending.tokens)},
                                             {"finish_reason", name(pending.finish)}});
}

}  // namespace

Result<std::vector<FilePrompt>> read_prompt_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return make_error(ErrorCode::kNotFound, "{}: cannot be read: {}", path, std::strerror(errno));
  }
  const bool is_json = path.ends_with(".jsonl");
  std::vector<FilePrompt> prompts;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    if (!is_json) {
      FilePrompt prompt;
      utf8::append_lossy(line, prompt.text);  // it comes out again in JSON
      prompts.push_back(std::move(prompt));
      continue;
    }
    Result<FilePrompt> prompt = parse_line(line);
    if (!prompt.ok()) return std::move(prompt).error().within(fmt::format("{}:{}", path, number));
    prompts.push_back(*std::move(prompt));
  }
  if (file.bad() || prompts.empty()) {
    return make_error(ErrorCode::kInvalidArgument, "{}: no prompts in it", path);
  }
  return prompts;
}

Result<FileSummary> answer_prompts(
    Session& session, const std::vector<FilePrompt>& prompts, const Settings& settings,
    const std::function<Result<std::vector<int32_t>>(const FilePrompt&)>& encode,
    const std::string& output) {
  TRY(file, open_output(output));
  const InterruptScope interrupt(InterruptScope::Mode::kOnce);
  FileSummary summary;
  std::vector<Pending> answers;
  std::unordered_map<RequestId, std::size_t> index_of;
  answers.reserve(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto at = [&](Error error) {
      return std::move(error).within(fmt::format("prompt {}", i));
    };
    Result<std::vector<int32_t>> tokens = encode(prompts[i]);
    if (!tokens.ok()) return at(std::move(tokens).error());
    summary.prompt_tokens += static_cast<int64_t>(tokens->size());
    Result<RequestId> id = session.engine->submit(make_request(settings, *std::move(tokens)));
    if (!id.ok()) return at(std::move(id).error());
    index_of[*id] = i;
    answers.emplace_back(*session.tokenizer);
  }

  const Stopwatch stopwatch;
  std::size_t written = 0;
  while (written < prompts.size()) {
    if (interrupt.interrupted()) {
      summary.interrupted = true;
      break;
    }
    TRY(events, session.engine->step());
    summary.tokens += static_cast<int64_t>(events.size());
    for (const TokenEvent& event : events) take(answers[index_of.at(event.id)], event);
    for (; written < prompts.size() && answers[written].finish != FinishReason::kNone; ++written) {
      fmt::print(file.get(), "{}\n", line_of(written, prompts[written], answers[written]));
      std::fflush(file.get());
    }
  }
  summary.seconds = stopwatch.seconds();
  if (std::ferror(file.get()) != 0) {
    return make_error(ErrorCode::kIo, "{}: write error",
                      output.empty() ? "standard output" : output);
  }
  return summary;
}

}  // namespace chitu::app
