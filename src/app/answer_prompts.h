// `chitu run --file`: many prompts in, JSON lines out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/environment.h"
#include "app/output_file.h"
#include "app/prompt_file.h"
#include "app/session.h"
#include "app/settings.h"
#include "base/result.h"

namespace chitu::app {

// Of the lines that were written.
struct FileSummary {
  int64_t answered = 0;
  int64_t failed = 0;  // prompts without an answer
  int64_t prompt_tokens = 0;
  int64_t tokens = 0;
  double seconds = 0;
  bool interrupted = false;
};

// Answers all prompts, several at a time, and writes one line for each in the order of the file:
//   {"index": 0, "prompt": "...", "text": "...", "tokens": [1, 2], "finish_reason": "stop"}
// or, when a prompt cannot be answered, as one that is too long,
//   {"index": 1, "prompt": "...", "error": "..."}
// with "messages" in place of "prompt" where the file has them. Prompt i has the seed infer.seed +
// i: equal prompts may have different answers. Ctrl-C ends it after the lines that are done.
Result<FileSummary> answer_prompts(const Environment& environment, Session& session,
                                   const std::vector<FilePrompt>& prompts, const Settings& settings,
                                   const PromptStyle& style, OutputFile& output);

}  // namespace chitu::app
