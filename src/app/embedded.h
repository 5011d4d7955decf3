// Files of the repository that are part of the binary, so that an installed chitu needs nothing
// beside it: the default configuration, the presets, and the script that fetches models.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace chitu::app {

struct EmbeddedFile {
  std::string_view path;  // in the repository: "configs/serve_config.yaml"
  std::string_view text;
};

// Defined in a file that embed.cmake writes.
std::span<const EmbeddedFile> embedded_files();

std::optional<std::string_view> embedded_file(std::string_view path);

}  // namespace chitu::app
