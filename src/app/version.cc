#include <fmt/format.h>

#include <cstdio>

#include "app/commands.h"

namespace chitu::app {
namespace {

Result<int> run(const Invocation&) {
  fmt::print("chitu {}\n", CHITU_VERSION);
  return kExitOk;
}

}  // namespace

const Command kVersionCommand{
    .name = "version",
    .summary = "Show the version",
    .run = run,
};

}  // namespace chitu::app
