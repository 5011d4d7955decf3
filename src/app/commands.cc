#include "app/commands.h"

#include <algorithm>

#include "app/command.h"

namespace chitu::app {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      kRunCommand,          kChatCommand,         kServeCommand,           kBenchCommand,
      kBenchServingCommand, kBenchLatencyCommand, kBenchThroughputCommand, kBenchStartupCommand,
      kInfoCommand,         kPullCommand,         kModelsCommand,          kTokenizeCommand,
      kSettingsCommand,     kVersionCommand,
  };
  return kCommands;
}

const Command* find_command(std::string_view name) {
  const auto all = commands();
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const Command& command) { return command.name == name; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace chitu::app
