// `chitu run --file`: many prompts in, JSON lines out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/session.h"
#include "app/settings.h"
#include "base/result.h"
#include "io/json.h"

namespace chitu::app {

struct FilePrompt {
  std::string text;      // what the output repeats as "prompt": of messages, the last one's content
  json::Array messages;  // of a line {"messages": [...]}
};

// A .jsonl file: on each line an object with "prompt", or "messages": objects with "role" and
// "content". Any other file: each line is a prompt. Empty lines are left out. Errors name file and
// line.
Result<std::vector<FilePrompt>> read_prompt_file(const std::string& path);

struct FileSummary {
  int64_t prompt_tokens = 0;
  int64_t tokens = 0;
  double seconds = 0;
  bool interrupted = false;
};

// Answers all prompts, several at a time, and writes one line for each in the order of the file:
//   {"index": 0, "prompt": "...", "text": "...", "tokens": [1, 2], "finish_reason": "stop"}
// to `output`, or to standard output when it is empty. Ctrl-C ends it after the lines that are
// done.
Result<FileSummary> answer_prompts(
    Session& session, const std::vector<FilePrompt>& prompts, const Settings& settings,
    const std::function<Result<std::vector<int32_t>>(const FilePrompt&)>& encode,
    const std::string& output);

}  // namespace chitu::app
