#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <span>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "app/environment.h"
#include "app/load_settings.h"
#include "base/quote.h"

namespace chitu::app {
namespace {

int run_command(const Command& command, std::span<const char* const> words) {
  std::vector<Option> options(command.options.begin(), command.options.end());
  options.push_back({.name = "--help", .letter = 'h'});
  std::vector<std::string_view> keys;
  if (command.takes_settings) {
    for (const Setting& setting : setting_table()) keys.push_back(setting.key);
  }
  const Result<Args> args = Args::parse(words, options, keys);
  if (!args.ok()) return usage_error(command.name, args.error().message);
  if (args->has("--help")) {
    fmt::print("{}", help_text(command));
    return kExitOk;
  }
  if (!command.takes_settings && !args->settings().empty()) {
    return usage_error(command.name, fmt::format("{} takes no settings, found {}", command.name,
                                                 args->settings().front()));
  }
  if (!command.takes_words && !args->words().empty()) {
    const std::string_view hint =
        command.takes_settings ? "; a model is named by models=/path/to/checkpoint" : "";
    return usage_error(command.name, fmt::format("{} takes no text, found {}{}", command.name,
                                                 quote(args->words().front()), hint));
  }
  const Environment environment = read_environment();
  const Result<Settings> settings = load_settings(environment, args->settings());
  if (!settings.ok()) return usage_error(command.name, settings.error().message);
  const Result<int> code =
      command.run({.environment = environment, .args = *args, .settings = *settings});
  if (code.ok()) return *code;
  if (code.error().code == ErrorCode::kCancelled) return kExitInterrupted;
  fmt::print(stderr, "chitu: error: {}\n", code.error().message);
  return kExitError;
}

// A command's name is of one word or of two, as `bench serving`, where the longer one counts.
struct Found {
  const Command* command = nullptr;
  std::size_t words = 1;  // of its name
};

Found command_of(std::span<const char* const> words) {
  if (words.size() > 1) {
    const Command* command = find_command(fmt::format("{} {}", words[0], words[1]));
    if (command != nullptr) return {command, 2};
  }
  return {find_command(std::string_view(words[0])), 1};
}

int unknown_command(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Command& known : commands()) names.push_back(known.name);
  const std::string_view near = nearest(name, names);
  return usage_error("",
                     fmt::format("unknown command {}{}", quote(name),
                                 near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near)));
}

// `chitu help run` is `chitu run --help`.
int print_help(std::span<const char* const> words) {
  if (words.empty()) {
    fmt::print("{}", help_text());
    return kExitOk;
  }
  const Found about = command_of(words);
  if (words.size() > about.words) return usage_error("", "help is of one command at a time");
  if (about.command == nullptr) return unknown_command(words[0]);
  fmt::print("{}", help_text(*about.command));
  return kExitOk;
}

int dispatch(std::span<const char* const> words) {
  if (words.empty()) {
    fmt::print(stderr, "{}", help_text());
    return kExitUsage;
  }
  const std::string_view name = words[0];
  if (name == "--help" || name == "-h" || name == "help") return print_help(words.subspan(1));
  if (name == "--version") return run_command(*find_command("version"), words.subspan(1));
  const Found found = command_of(words);
  return found.command == nullptr ? unknown_command(name)
                                  : run_command(*found.command, words.subspan(found.words));
}

// What was printed is on its way when the program says that all went well.
int flush_output(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  fmt::print(stderr, "chitu: error: standard output: {}\n", std::strerror(errno));
  return code == kExitOk ? kExitError : code;
}

}  // namespace
}  // namespace chitu::app

int main(int argc, char** argv) {
  const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
  // The edge of the program: fmt throws when standard output cannot be written.
  try {
    return chitu::app::flush_output(chitu::app::dispatch(words.empty() ? words : words.subspan(1)));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "chitu: error: %s\n", e.what());
    return chitu::app::kExitError;
  }
}
