// Where settings come from, each later source overriding the earlier: the table's defaults, the
// configuration file, the preset that `models=NAME` names, `key=value` words of the command line.
#pragma once

#include <optional>
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

// The presets of this binary, by name.
std::vector<std::string_view> preset_names();
bool is_preset(std::string_view name);

}  // namespace chitu::app
