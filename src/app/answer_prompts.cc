#include "app/answer_prompts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "app/interrupt.h"
#include "app/terminal.h"
#include "text/stream_decoder.h"

namespace chitu::app {
namespace {

// One prompt's answer while it is being made.
struct Pending {
  explicit Pending(const Tokenizer& tokenizer) : decoder(tokenizer) {}

  StreamDecoder decoder;
  std::string text;
  int64_t prompt_tokens = 0;
  json::Array tokens;
  FinishReason finish = FinishReason::kNone;
  std::string error;  // why there is no answer

  bool is_done() const { return finish != FinishReason::kNone || !error.empty(); }
};

void take(Pending& pending, const TokenEvent& event) {
  if (event.finish == FinishReason::kError) {
    pending.error = event.error;
    return;
  }
  pending.tokens.push_back(event.token);
  if (event.finish != FinishReason::kStop) pending.text += pending.decoder.push(event.token);
  if (event.finish != FinishReason::kNone) {
    pending.text += pending.decoder.flush();
    pending.finish = event.finish;
  }
}

std::string line_of(std::size_t index, const Prompt& prompt, Pending& pending) {
  json::Object line{{"index", index}};
  if (prompt.messages.empty()) {
    line["prompt"] = prompt.text;
  } else {
    line["messages"] = prompt.messages;
  }
  if (!pending.error.empty()) {
    line["error"] = pending.error;
  } else {
    line["text"] = pending.text;
    line["tokens"] = std::move(pending.tokens);
    line["finish_reason"] = name(pending.finish);
  }
  return boost::json::serialize(line);
}

// What of it was written counts.
void count(FileSummary& summary, const Pending& pending) {
  if (!pending.error.empty()) {
    ++summary.failed;
    return;
  }
  ++summary.answered;
  summary.prompt_tokens += pending.prompt_tokens;
  summary.tokens += static_cast<int64_t>(pending.tokens.size());
}

}  // namespace

Result<OutputFile> OutputFile::open(const std::string& path) {
  if (path.empty()) return OutputFile("standard output", stdout);
  constexpr mode_t kMode = 0666;  // what the umask leaves of it, as fopen() does
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, kMode);
  std::FILE* file = descriptor < 0 ? nullptr : fdopen(descriptor, "w");
  if (file == nullptr) {
    return make_error(ErrorCode::kIo, "{}: cannot be written: {}", path, std::strerror(errno));
  }
  return OutputFile(path, file);
}

Status OutputFile::clear() {
  const int descriptor = fileno(file_.get());
  struct stat status {};
  // A pipe or a device has nothing to clear, and standard output is the caller's.
  if (file_.get() == stdout || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    return {};
  if (ftruncate(descriptor, 0) == 0) return {};
  return make_error(ErrorCode::kIo, "{}: cannot be written: {}", name_, std::strerror(errno));
}

bool OutputFile::write_line(std::string_view line) {
  if (failed_ != 0) return false;
  std::FILE* file = file_.get();
  const bool written = std::fwrite(line.data(), 1, line.size(), file) == line.size() &&
                       std::fputc('\n', file) != EOF && std::fflush(file) == 0;
  if (!written) failed_ = errno;
  return written;
}

Status OutputFile::finish() {
  if (failed_ == 0 && std::fflush(file_.get()) != 0) failed_ = errno;
  if (failed_ == 0) return {};
  return make_error(ErrorCode::kIo, "{}: cannot be written: {}", name_, std::strerror(failed_));
}

Result<FileSummary> answer_prompts(const Environment& environment, Session& session,
                                   const std::vector<FilePrompt>& prompts, const Settings& settings,
                                   const PromptStyle& style, OutputFile& output) {
  TRY_STATUS(output.clear());
  const InterruptScope interrupt(InterruptScope::Mode::kOnce);
  std::vector<Pending> answers;
  std::unordered_map<RequestId, std::size_t> index_of;
  const auto submit = [&](std::size_t index) -> Status {
    TRY(tokens, encode_prompt(session, prompts[index].prompt, style));
    answers[index].prompt_tokens = static_cast<int64_t>(tokens.size());
    Request request = make_request(session, settings, std::move(tokens));
    request.sampling.seed += index;
    TRY(id, session.engine->submit(std::move(request)));
    index_of[id] = index;
    return {};
  };
  answers.reserve(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    answers.emplace_back(*session.tokenizer);
    Status status = submit(i);
    if (!status.ok()) answers[i].error = std::move(status).error().within(prompts[i].where).message;
  }

  const Stopwatch stopwatch;
  FileSummary summary;
  ProgressBar bar(environment, "answering", ProgressBar::Unit::kItems);
  std::size_t written = 0;
  while (written < prompts.size()) {
    if (interrupt.interrupted()) {
      summary.interrupted = true;
      break;
    }
    for (const TokenEvent& event : session.engine->step()) {
      take(answers[index_of.at(event.id)], event);
    }
    for (; written < prompts.size() && answers[written].is_done(); ++written) {
      bar.clear();
      if (!output.write_line(line_of(written, prompts[written].prompt, answers[written]))) {
        TRY_STATUS(output.finish());
      }
      count(summary, answers[written]);
    }
    bar.update(static_cast<int64_t>(written), static_cast<int64_t>(prompts.size()));
  }
  summary.seconds = stopwatch.seconds();
  TRY_STATUS(output.finish());
  return summary;
}

}  // namespace chitu::app
