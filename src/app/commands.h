// The commands, each defined in the file of its name.
#pragma once

#include "app/command.h"

namespace chitu::app {

extern const Command kBenchCommand;
extern const Command kBenchLatencyCommand;
extern const Command kBenchServingCommand;
extern const Command kBenchStartupCommand;
extern const Command kBenchThroughputCommand;
extern const Command kChatCommand;
extern const Command kInfoCommand;
extern const Command kModelsCommand;
extern const Command kPullCommand;
extern const Command kRunCommand;
extern const Command kServeCommand;
extern const Command kSettingsCommand;
extern const Command kTokenizeCommand;
extern const Command kVersionCommand;

}  // namespace chitu::app
