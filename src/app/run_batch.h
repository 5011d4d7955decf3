// `chitu run --input`: requests in OpenAI's batch format, answered as the server answers them.
#pragma once

#include <string>

#include "app/command.h"
#include "base/result.h"

namespace chitu::app {

// Answers every line of `input` ("-": standard input) with a line of `output` (empty: standard
// output), in the same order. Lines that cannot be answered say why in their own lines; then the
// result is an error. The exit code, otherwise.
Result<int> run_batch(const Invocation& invocation, const std::string& input,
                      const std::string& output);

}  // namespace chitu::app
