// `chitu settings`: every setting with its default, range and meaning.

#include <fmt/format.h>

#include <cstdio>

#include "app/commands.h"
#include "app/settings.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--markdown", .help = "as the table of docs/configuration.md"},
};

std::string availability(const Setting& setting) {
  return setting.available.empty() ? "" : fmt::format(" This version: {} only.", setting.available);
}

Result<int> run(const Invocation& invocation) {
  if (invocation.args.has("--markdown")) {
    fmt::print("| key | default | values | meaning |\n|---|---|---|---|\n");
    for (const Setting& s : setting_table()) {
      fmt::print("| `{}` | `{}` | {} | {}.{} |\n", s.key, s.default_value, describe_type(s), s.help,
                 availability(s));
    }
    return kExitOk;
  }
  for (const Setting& s : setting_table()) {
    fmt::print("{}={}\n    {}.{}\n    {}\n", s.key, s.default_value, s.help, availability(s),
               describe_type(s));
  }
  return kExitOk;
}

}  // namespace

const Command kSettingsCommand{
    .name = "settings",
    .summary = "List the settings: every key=value, its default, range and meaning",
    .synopsis = "[options]",
    .options = kOptions,
    .examples = "chitu settings | grep -A2 infer.max",
    .run = run,
};

}  // namespace chitu::app
