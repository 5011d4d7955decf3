#include "app/load_settings.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>

#include "app/embedded.h"
#include "app/yaml_config.h"
#include "base/quote.h"
#include "io/file.h"

namespace chitu::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPresetPrefix = "configs/models/";
constexpr std::string_view kYaml = ".yaml";

struct Config {
  std::string name;  // for messages
  std::vector<ConfigEntry> entries;

  const ConfigEntry* find(std::string_view key) const {
    for (const ConfigEntry& entry : entries) {
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }
};

Result<Config> read_config_file(const fs::path& path) {
  TRY(text, read_file(path, kMaxConfigBytes));
  TRY(entries, read_yaml_config(text, path.string()));
  return Config{path.string(), std::move(entries)};
}

Result<Config> read_embedded(std::string_view path) {
  TRY(entries, read_yaml_config(*embedded_file(path), path));
  return Config{std::string(path), std::move(entries)};
}

Result<Config> main_config(const Environment& environment) {
  if (environment.config_name.empty() && environment.config_path.empty()) {
    return read_embedded("configs/serve_config.yaml");
  }
  std::string name = environment.config_name.empty() ? "serve_config" : environment.config_name;
  if (!name.ends_with(kYaml)) name += kYaml;
  return read_config_file(environment.config_path / name);
}

// nullopt when there is no preset of that name.
Result<std::optional<Config>> preset(const Environment& environment, std::string_view name) {
  for (const Preset& known : presets(environment)) {
    if (known.name != name) continue;
    TRY(config, known.file.empty()
                    ? read_embedded(fmt::format("{}{}{}", kPresetPrefix, name, kYaml))
                    : read_config_file(known.file));
    return std::optional(std::move(config));
  }
  return std::optional<Config>();
}

// Hydra's own keys: `defaults` chooses groups, `hydra` configures its logging.
bool is_hydras(std::string_view key) {
  return key == "defaults" || key.starts_with("defaults.") || key == "hydra" ||
         key.starts_with("hydra.");
}

Status apply(const Config& config, std::string_view prefix, Settings& settings) {
  for (const ConfigEntry& entry : config.entries) {
    if (is_hydras(entry.key)) continue;
    const Status status = settings.set(fmt::format("{}{}", prefix, entry.key), entry.value);
    if (!status.ok()) {
      return Error(status.error()).within(fmt::format("{}:{}", config.name, entry.line));
    }
  }
  return {};
}

// A word of the command line: key=value.
Status apply_word(std::string_view word, Settings& settings) {
  const std::size_t equals = word.find('=');
  const std::string_view key = word.substr(0, equals);
  Status status = settings.set(key, word.substr(equals + 1));
  // Settings are in groups, all but a few; "x=5" is rather a prompt.
  if (status.ok() || find_setting(key) != nullptr || key.find('.') != std::string_view::npos) {
    return status;
  }
  return make_error(status.error().code, "{}; a text such as {} goes after --",
                    status.error().message, quote(word));
}

}  // namespace

std::vector<Preset> presets(const Environment& environment) {
  std::map<std::string, fs::path> files;
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.path.starts_with(kPresetPrefix)) continue;
    std::string_view name = file.path.substr(kPresetPrefix.size());
    name.remove_suffix(kYaml.size());
    files[std::string(name)] = fs::path();
  }
  std::error_code none;  // a directory that is not there has no presets
  if (!environment.config_path.empty()) {
    for (const auto& entry : fs::directory_iterator(environment.config_path / "models", none)) {
      if (entry.path().extension() == kYaml) files[entry.path().stem().string()] = entry.path();
    }
  }
  std::vector<Preset> list;
  for (auto& [name, file] : files) list.push_back({.name = name, .file = file});
  return list;
}

Result<Settings> load_settings(const Environment& environment,
                               std::span<const std::string> overrides) {
  Settings settings;
  TRY(config, main_config(environment));

  // Which model must be known first: its preset lies below the file's other keys.
  if (const ConfigEntry* models = config.find("defaults.models"); models != nullptr) {
    TRY_STATUS(settings.set("models", models->value));
  }
  if (const ConfigEntry* models = config.find("models"); models != nullptr) {
    TRY_STATUS(settings.set("models", models->value));
  }
  for (const std::string& word : overrides) {
    if (word.starts_with("models=")) {
      TRY_STATUS(settings.set("models", std::string_view(word).substr(7)));
    }
  }
  const std::string model = settings.text("models");
  TRY(found, preset(environment, model));
  if (found) TRY_STATUS(apply(*found, "models.", settings));
  TRY_STATUS(apply(config, "", settings));
  for (const std::string& word : overrides) TRY_STATUS(apply_word(word, settings));
  return settings;
}

}  // namespace chitu::app
