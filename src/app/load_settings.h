// Where settings come from, each later source overriding the earlier: the table's defaults, the
// configuration file, the preset that `models=NAME` names, `key=value` words of the command line.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/environment.h"
#include "app/settings.h"
#include "base/result.h"

namespace chitu::app {

// Errors are kInvalidArgument (a key or value, and where it stands) or kNotFound (a file).
Result<Settings> load_settings(const Environment& environment,
                               std::span<const std::string> overrides);

struct Preset {
  std::string name;
  std::filesystem::path file;  // of the user; empty: it is part of the program
};

// All presets by name: those of the program, and those in the directory `models` of CONFIG_PATH,
// which come before one of the program with the same name.
std::vector<Preset> presets(const Environment& environment);

}  // namespace chitu::app
