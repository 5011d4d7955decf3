// Runs another program, to its end or to the beginning of its output.
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

// Seconds from before the process is made to its first byte on standard output; then it is ended.
// Errors: as above; kIo when it ends, or `timeout` seconds pass, without one.
Result<double> time_to_first_output(std::span<const std::string> command, double timeout);

}  // namespace chitu::app
