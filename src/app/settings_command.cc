// `chitu settings`: every setting with its value in effect, meaning, range and default.

#include <fmt/format.h>

#include <cstdio>

#include "app/commands.h"
#include "app/settings.h"

namespace chitu::app {
namespace {

constexpr Option kOptions[] = {
    {.name = "--markdown", .help = "the defaults, as the table of docs/configuration.md"},
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
    fmt::print("{}={}\n    {}.{}\n    {}; default: {}\n", s.key, invocation.settings.value(s.key),
               s.help, availability(s), describe_type(s), s.default_value);
  }
  return kExitOk;
}

}  // namespace

const Command kSettingsCommand{
    .name = "settings",
    .summary = "List the settings: every key=value in effect, its meaning, range and default",
    .synopsis = "[options] [key=value ...]",
    .takes_settings = true,
    .options = kOptions,
    .examples =
        "chitu settings | grep -A2 infer.max\n"
        "chitu settings models=Qwen2-7B-Instruct | grep ^models",
    .run = run,
};

}  // namespace chitu::app
