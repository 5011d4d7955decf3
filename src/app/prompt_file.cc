#include "app/prompt_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
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

// One prompt's answer while it is being made.
struct Pending {
  explicit Pending(const Tokenizer& tokenizer) : decoder(tokenizer) {}

  StreamDecoder decoder;
  std::string text;
  json::Array tokens;
  FinishReason finish = FinishReason::kNone;
  std::string error;  // why there is no answer

  bool is_done() const { return finish != FinishReason::kNone || !error.empty(); }
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
  if (!pending.error.empty()) {
    return boost::json::serialize(
        json::Object{{"index", index}, {"prompt", prompt.text}, {"error", pending.error}});
  }
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

Result<OutputFile> OutputFile::open(const std::string& path) {
  if (path.empty()) return OutputFile("standard output", stdout);
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    return make_error(ErrorCode::kIo, "{}: cannot be written: {}", path, std::strerror(errno));
  }
  return OutputFile(path, file);
}

void OutputFile::write_line(std::string_view line) {
  fmt::print(file_.get(), "{}\n", line);
  std::fflush(file_.get());
}

Status OutputFile::finish() {
  if (std::fflush(file_.get()) == 0 && std::ferror(file_.get()) == 0) return {};
  return make_error(ErrorCode::kIo, "{}: write error", name_);
}

Result<FileSummary> answer_prompts(
    Session& session, const std::vector<FilePrompt>& prompts, const Settings& settings,
    const std::function<Result<std::vector<int32_t>>(const FilePrompt&)>& encode,
    OutputFile& output) {
  const InterruptScope interrupt(InterruptScope::Mode::kOnce);
  FileSummary summary;
  const auto submit = [&](const FilePrompt& prompt, std::size_t index) -> Result<RequestId> {
    TRY(tokens, encode(prompt));
    const auto length = static_cast<int64_t>(tokens.size());
    Request request = make_request(session, settings, std::move(tokens));
    request.sampling.seed += index;
    TRY(id, session.engine->submit(std::move(request)));
    summary.prompt_tokens += length;
    return id;
  };
  std::vector<Pending> answers;
  std::unordered_map<RequestId, std::size_t> index_of;
  answers.reserve(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    Pending& answer = answers.emplace_back(*session.tokenizer);
    const Result<RequestId> id = submit(prompts[i], i);
    if (id.ok()) {
      index_of[*id] = i;
    } else {
      answer.error = id.error().message;
      ++summary.failed;
    }
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
    for (; written < prompts.size() && answers[written].is_done(); ++written) {
      output.write_line(line_of(written, prompts[written], answers[written]));
    }
  }
  summary.seconds = stopwatch.seconds();
  TRY_STATUS(output.finish());
  return summary;
}

}  // namespace chitu::app
