// `chitu run`: one prompt, streamed; or a file of prompts, JSON lines out.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "app/answer.h"
#include "app/commands.h"
#include "app/prompt_file.h"
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
             "{\"messages\": [...]}"},
    {.name = "--output",
     .letter = 'o',
     .value = "FILE",
     .help = "with --file: where the JSON lines go (default: standard output)"},
    {.name = "--system", .value = "TEXT", .help = "a system message before the prompt"},
    {.name = "--raw", .help = "the prompt as it is, without the model's chat template"},
    {.name = "--quiet", .letter = 'q', .help = "no statistics"},
};

constexpr int64_t kRequestsOfAFile = 8;

Result<std::vector<int32_t>> encode_prompt(const Session& session, const Args& args,
                                           std::string_view prompt) {
  const bool has_template = !session.chat_template.ok() || session.chat_template->has_value();
  if (args.has("--raw") || !has_template) return encode_text(session, prompt);
  json::Array messages;
  if (const auto system = args.value("--system")) {
    messages.push_back(json::Object{{"role", "system"}, {"content", *system}});
  }
  messages.push_back(json::Object{{"role", "user"}, {"content", prompt}});
  return encode_chat(session, std::move(messages));
}

Result<int> run_prompt(const Invocation& invocation, std::string_view prompt) {
  TRY(session, open_session(invocation.environment, invocation.settings, 1));
  note_sampling(invocation.environment, session, invocation.settings);
  TRY(tokens, encode_prompt(session, invocation.args, prompt));
  const InterruptScope interrupt(InterruptScope::Mode::kOnce);
  TRY(answer, make_answer(session, make_request(session, invocation.settings, std::move(tokens)),
                          interrupt, [](std::string_view text) {
                            fmt::print("{}", text);
                            std::fflush(stdout);
                          }));
  fmt::print("\n");
  std::fflush(stdout);
  if (!invocation.args.has("--quiet")) {
    note(invocation.environment,
         fmt::format("load {:.2f} s, {}", session.load_seconds, statistics(answer)));
  }
  return answer.finish == FinishReason::kCancelled ? kExitInterrupted : kExitOk;
}

Result<int> run_file(const Invocation& invocation, const std::string& path) {
  TRY(prompts, read_prompt_file(path));
  TRY(output, OutputFile::open(invocation.args.value("--output").value_or("")));
  TRY(session, open_session(invocation.environment, invocation.settings, kRequestsOfAFile));
  note_sampling(invocation.environment, session, invocation.settings);
  const auto encode = [&](const FilePrompt& prompt) {
    return prompt.messages.empty() ? encode_prompt(session, invocation.args, prompt.text)
                                   : encode_chat(session, prompt.messages);
  };
  TRY(summary, answer_prompts(session, prompts, invocation.settings, encode, output));
  if (!invocation.args.has("--quiet")) {
    note(invocation.environment,
         fmt::format("load {:.2f} s, {} of {}, answers of {} in {:.2f} s", session.load_seconds,
                     counted(prompts.size(), "prompt"), counted(summary.prompt_tokens, "token"),
                     counted(summary.tokens, "token"), summary.seconds));
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
  const std::size_t given = args.words().size() + (option ? 1 : 0) + (file ? 1 : 0);
  if (given > 1) {
    return usage_error("run", "give one prompt (in quotes) or one file, not several");
  }
  if (args.has("--raw") && args.has("--system")) {
    return usage_error("run", "--raw leaves no place for --system");
  }
  if (file) return run_file(invocation, *file);
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
  return run_prompt(invocation, prompt);
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
        "echo \"Hello\" | chitu run",
    .run = run,
};

}  // namespace chitu::app
