// What the program takes from its environment, read once by main().
#pragma once

#include <filesystem>
#include <string>

namespace chitu::app {

struct Environment {
  std::filesystem::path cache_dir;  // ${XDG_CACHE_HOME:-~/.cache}/chitu; empty without a home
  // CHITU_HISTORY, by default chat_history in the cache directory; empty: no history is kept
  std::filesystem::path history_file;
  std::string config_name;            // CONFIG_NAME: a configuration file's name, without ".yaml"
  std::filesystem::path config_path;  // CONFIG_PATH: the directory it lies in
  bool can_redraw = false;            // standard error is a terminal, and TERM is not "dumb"
  bool colour = false;                // so it is, and NO_COLOR is not set
  bool input_is_terminal = false;
  bool output_is_terminal = false;
};

Environment read_environment();

}  // namespace chitu::app
