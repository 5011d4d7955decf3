#include <fmt/format.h>

#include <cstdio>

#include "app/command.h"

namespace chitu::app {

std::string help_text() {
  std::string text =
      "chitu runs large language models on this machine.\n"
      "\n"
      "usage: chitu COMMAND [options] [key=value ...]\n"
      "\n"
      "commands:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<16} {}\n", command.name, command.summary);
  }
  text +=
      "\n"
      "options:\n"
      "  --help     show this, or with a command what it takes\n"
      "  --version  show the version\n"
      "\n"
      "examples:\n"
      "  chitu run \"Why is the sky blue?\"\n"
      "  chitu chat models=/path/to/checkpoint\n"
      "  chitu run --help\n";
  return text;
}

std::string help_text(const Command& command) {
  std::string text =
      fmt::format("{}\n\nusage: chitu {} {}\n", command.summary, command.name, command.synopsis);
  text += "\noptions:\n";
  const auto row = [&](char letter, std::string_view name, std::string_view value,
                       std::string_view help) {
    const std::string left =
        fmt::format("{}{}{}{}", letter == 0 ? "    " : fmt::format("-{}, ", letter), name,
                    value.empty() ? "" : " ", value);
    text += fmt::format("  {:<26} {}\n", left, help);
  };
  for (const Option& option : command.options) {
    row(option.letter, option.name, option.value, option.help);
  }
  row('h', "--help", "", "show this");
  if (command.takes_settings) {
    text +=
        "\nsettings: key=value, as in models=/path infer.max_seq_len=2048; "
        "`chitu settings` lists them\n";
  }
  if (!command.examples.empty()) {
    text += "\nexamples:\n";
    for (std::string_view rest = command.examples; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      text += fmt::format("  {}\n", rest.substr(0, end));
      rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    }
  }
  return text;
}

int usage_error(std::string_view command, std::string_view message) {
  fmt::print(stderr, "chitu: error: {}\nSee `chitu{}{} --help`.\n", message,
             command.empty() ? "" : " ", command);
  return kExitUsage;
}

}  // namespace chitu::app
