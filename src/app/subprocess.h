// Runs another program to its end.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace chitu::app {

struct SubprocessResult {
  int exit_code = 0;   // 128 + N when signal N ended it
  std::string output;  // what it wrote to standard output, without the last newline
};

// Looks `command[0]` up in PATH. Standard input and error are this program's own. Errors: kNotFound
// when there is no such program, kIo.
Result<SubprocessResult> run_subprocess(std::span<const std::string> command);

}  // namespace chitu::app
