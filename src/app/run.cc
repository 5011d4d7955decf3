// `chitu run`: one prompt, streamed; or a file of prompts or requests, JSON lines out.

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <utility>

#include "app/answer.h"
#include "app/answer_prompts.h"
#include "app/commands.h"
#include "app/prompt.h"
#include "app/prompt_file.h"
#include "app/run_batch.h"
#include "app/session.h"
#include "app/terminal.h"
#include "base/counted.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--prompt", .letter = 'p', .value = "TEXT", .help = "the prompt, also without -p"},
    {.name = "--file",
     .letter = 'f',
     .value = "FILE",
     .help = "many prompts: one a line, or in a .jsonl file {\"prompt\": ...} or "
             "{\"messages\": [...]}; - is standard input"},
    {.name = "--input",
     .letter = 'i',
     .value = "FILE",
     .help = "many requests in OpenAI's batch format; - is standard input"},
    {.name = "--output",
     .letter = 'o',
     .value = "FILE",
     .help = "with --file and --input: where the JSON lines go (default: standard output)"},
    {.name = "--system", .value = "TEXT", .help = "a system message before the prompt"},
    {.name = "--raw", .help = "the prompt as it is, without the model's chat template"},
    {.name = "--quiet", .letter = 'q', .help = "no statistics, and no word on memory"},
};

constexpr int64_t kRequestsOfAFile = 8;

PromptStyle style_of(const Args& args) {
  return {.system = args.value("--system"), .raw = args.has("--raw")};
}

Result<int> run_prompt(const Invocation& invocation, std::string prompt) {
  if (prompt.empty()) return usage_error("run", "the prompt is empty");
  if (Status status = check_utf8(prompt); !status.ok()) {
    return std::move(status).error().within("the prompt");
  }
  const bool quiet = invocation.args.has("--quiet");
  TRY(session, open_session(invocation.environment, invocation.settings, {.quiet = quiet}));
  note_sampling(invocation.environment, session, invocation.settings);
  TRY(tokens, encode_prompt(session, {.text = std::move(prompt), .messages = {}},
                            style_of(invocation.args)));
  const InterruptScope interrupt(InterruptScope::Mode::kOnce);
  TRY(answer, make_answer(session, make_request(session, invocation.settings, std::move(tokens)),
                          interrupt, [](std::string_view text) {
                            fmt::print("{}", text);
                            std::fflush(stdout);
                          }));
  fmt::print("\n");
  std::fflush(stdout);
  if (!quiet) {
    note(invocation.environment,
         fmt::format("load {:.2f} s, {}", session.load_seconds, statistics(answer)));
  }
  return answer.finish == FinishReason::kCancelled ? kExitInterrupted : kExitOk;
}

// A regular file that is both would be empty before it is read.
bool is_same_file(const std::string& input, const std::string& output) {
  std::error_code code;
  return std::filesystem::is_regular_file(output, code) &&
         std::filesystem::equivalent(input == "-" ? "/dev/stdin" : input, output, code);
}

Result<int> run_file(const Invocation& invocation, const std::string& path,
                     const std::string& output_path) {
  const bool quiet = invocation.args.has("--quiet");
  TRY(prompts, read_prompt_file(path));
  TRY(output, OutputFile::open(output_path));
  TRY(session, open_session(invocation.environment, invocation.settings,
                            {.max_reqs = kRequestsOfAFile, .quiet = quiet}));
  note_sampling(invocation.environment, session, invocation.settings);
  TRY(summary, answer_prompts(invocation.environment, session, prompts, invocation.settings,
                              style_of(invocation.args), output));
  if (!quiet) {
    note(invocation.environment,
         fmt::format("load {:.2f} s, {} of {} answered: {} in, {} out in {:.2f} s",
                     session.load_seconds, summary.answered, counted(prompts.size(), "prompt"),
                     counted(summary.prompt_tokens, "token"), counted(summary.tokens, "token"),
                     summary.seconds));
  }
  if (summary.interrupted) return kExitInterrupted;
  if (summary.failed > 0) {
    return make_error(ErrorCode::kInvalidArgument,
                      "{} of {} could not be answered; \"error\" in their lines says why",
                      summary.failed, counted(prompts.size(), "prompt"));
  }
  return kExitOk;
}

Result<int> run(const Invocation& invocation) {
  const Args& args = invocation.args;
  const std::optional<std::string> option = args.value("--prompt");
  const std::optional<std::string> file = args.value("--file");
  const std::optional<std::string> system = args.value("--system");
  const std::optional<std::string> batch = args.value("--input");
  const std::string output = args.value("--output").value_or("");
  const std::size_t given =
      args.words().size() + (option ? 1 : 0) + (file ? 1 : 0) + (batch ? 1 : 0);
  if (given > 1) {
    return usage_error("run", "give one prompt (in quotes) or one file, not several");
  }
  if (args.has("--raw") && system) {
    return usage_error("run", "--raw leaves no place for --system");
  }
  if (args.has("--output") && !file && !batch) {
    return usage_error("run", "--output goes with --file or --input");
  }
  if (batch && (args.has("--raw") || system)) {
    return usage_error("run", "--raw and --system do not go with --input: a line says it all");
  }
  if (is_same_file(file.value_or(batch.value_or("")), output)) {
    return usage_error("run", fmt::format("--output {} is the file of the {}", output,
                                          file ? "prompts" : "requests"));
  }
  if (Status status = check_utf8(system.value_or("")); !status.ok()) {
    return std::move(status).error().within("--system");
  }
  if (file) return run_file(invocation, *file, output);
  if (batch) return run_batch(invocation, *batch, output);
  if (option) return run_prompt(invocation, *option);
  if (!args.words().empty()) return run_prompt(invocation, args.words()[0]);
  if (invocation.environment.input_is_terminal) {
    return usage_error("run", "give a prompt: chitu run \"Why is the sky blue?\"");
  }
  std::string prompt{std::istreambuf_iterator<char>(std::cin), {}};
  if (prompt.ends_with('\n')) prompt.pop_back();  // echo's
  if (prompt.empty()) {
    return usage_error("run", "there is no prompt: none is given, and standard input is empty");
  }
  return run_prompt(invocation, std::move(prompt));
}

}  // namespace

const Command kRunCommand{
    .name = "run",
    .summary = "Answer one prompt, or a file of prompts",
    .synopsis = "[options] [PROMPT] [key=value ...]",
    .takes_words = true,
    .takes_settings = true,
    .options = kOptions,
    .examples =
        "chitu run \"Why is the sky blue?\"\n"
        "chitu run models=/path/to/checkpoint request.temperature=0.7 \"Write a haiku.\"\n"
        "chitu run --raw \"Once upon a time\" request.max_new_tokens=64\n"
        "chitu run --file prompts.txt --output answers.jsonl\n"
        "chitu run --input requests.jsonl --output out.jsonl\n"
        "echo \"Hello\" | chitu run",
    .run = run,
};

}  // namespace chitu::app
