// What one of chitu's commands is: a row of the table in commands.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/args.h"
#include "app/environment.h"
#include "app/settings.h"
#include "base/result.h"

namespace chitu::app {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

struct Invocation {
  const Environment& environment;
  const Args& args;
  const Settings& settings;
};

struct Command {
  std::string_view name;
  std::string_view summary;   // one line
  std::string_view synopsis;  // "[options] [PROMPT] [key=value ...]"
  bool takes_words = false;   // text that is neither option nor setting
  bool takes_settings = false;
  std::span<const Option> options;
  std::string_view examples;  // one a line
  // The exit code, or an error that main() prints on one line before it exits with 1.
  Result<int> (*run)(const Invocation& invocation);
};

std::span<const Command> commands();
const Command* find_command(std::string_view name);

std::string help_text();                        // chitu --help
std::string help_text(const Command& command);  // chitu run --help

// For a command line that makes no sense: prints "chitu: error: ..." and where to look; returns
// kExitUsage.
int usage_error(std::string_view command, std::string_view message);

}  // namespace chitu::app
