// The prompts of `chitu run --file`.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "app/prompt.h"
#include "base/result.h"

namespace chitu::app {

struct FilePrompt {
  Prompt prompt;
  std::string where;  // "prompts.jsonl:3", for messages
};

// One prompt a line: an object with "prompt" or "messages" (server/messages.h) and nothing else
// when the file is of JSON lines, otherwise the line itself. A file is of JSON lines when its name
// ends in .jsonl, or when its name has no ending, as that of standard input, and its first byte is
// a brace. Blank lines are passed over. "-" is standard input. Errors name file and line.
Result<std::vector<FilePrompt>> read_prompt_file(const std::string& path);

// The same of a file that is open; `name` is its own.
Result<std::vector<FilePrompt>> read_prompts(std::istream& file, std::string_view name);

}  // namespace chitu::app
