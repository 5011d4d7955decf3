#include "app/environment.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace chitu::app {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Environment read_environment() {
  Environment environment;
  // The XDG base directory specification ignores relative paths.
  if (const std::filesystem::path xdg = variable("XDG_CACHE_HOME"); xdg.is_absolute()) {
    environment.cache_dir = xdg / "chitu";
  } else if (const std::filesystem::path home = variable("HOME"); home.is_absolute()) {
    environment.cache_dir = home / ".cache/chitu";
  }
  if (std::getenv("CHITU_HISTORY") != nullptr) {
    environment.history_file = variable("CHITU_HISTORY");
  } else if (!environment.cache_dir.empty()) {
    environment.history_file = environment.cache_dir / "chat_history";
  }
  environment.config_name = variable("CONFIG_NAME");
  environment.config_path = variable("CONFIG_PATH");
  environment.input_is_terminal = isatty(STDIN_FILENO) == 1;
  environment.output_is_terminal = isatty(STDOUT_FILENO) == 1;
  environment.can_redraw = isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb";
  environment.colour = environment.can_redraw && variable("NO_COLOR").empty();
  return environment;
}

}  // namespace chitu::app
