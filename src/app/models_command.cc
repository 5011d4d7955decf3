// `chitu models` and `chitu pull`.

#include <fmt/format.h>

#include <cstdio>

#include "app/commands.h"
#include "app/load_settings.h"
#include "app/model_store.h"

namespace chitu::app {
namespace {

// Where a preset comes from, and whether it is of use.
std::string describe(const Environment& environment, const Preset& preset) {
  const std::vector<std::string> overrides = {fmt::format("models={}", preset.name)};
  const Result<Settings> settings = load_settings(environment, overrides);
  if (!settings.ok()) return settings.error().message;
  const std::string source =
      preset.file.empty() ? settings->text("models.source") : preset.file.string();
  return source + (check_architecture(*settings).ok() ? "" : " (architecture not in this version)");
}

Result<int> list(const Invocation& invocation) {
  const Environment& environment = invocation.environment;
  fmt::print("models that chitu fetches by itself:\n");
  for (const KnownModel& model : known_models()) {
    fmt::print("  {:<28} {} ({:.0f} MB)\n  {:<28} {}\n", model.name, model.summary,
               static_cast<double>(model.bytes) / 1e6, "",
               is_stored(environment, model)
                   ? stored_path(environment, model).string()
                   : fmt::format("not here yet: chitu pull {}", model.name));
  }
  fmt::print("\npresets, used with models.ckpt_dir=/path/to/checkpoint:\n");
  for (const Preset& preset : presets(environment)) {
    fmt::print("  {:<28} {}\n", preset.name, describe(environment, preset));
  }
  fmt::print(
      "\nAny directory with a config.json and safetensors, or any .gguf file, needs no name:\n"
      "  chitu run models=/path/to/checkpoint \"Hello\"\n");
  return kExitOk;
}

Result<int> pull(const Invocation& invocation) {
  const auto& words = invocation.args.words();
  if (words.size() > 1) return usage_error("pull", "pull takes one model name");
  const std::string_view name = words.empty() ? known_models()[0].name : words[0];
  const KnownModel* model = find_known_model(name);
  if (model == nullptr) {
    return make_error(
        ErrorCode::kNotFound,
        "'{}' is not among the models that chitu can fetch; `chitu models` lists them", name);
  }
  TRY_STATUS(fetch(invocation.environment, *model));
  fmt::print("{}\n", stored_path(invocation.environment, *model).string());
  return kExitOk;
}

}  // namespace

const Command kModelsCommand{
    .name = "models",
    .summary = "List the models and presets that chitu knows by name",
    .synopsis = "[options]",
    .examples = "chitu models",
    .run = list,
};

const Command kPullCommand{
    .name = "pull",
    .summary = "Fetch a model, or check the one that is there, and print its path",
    .synopsis = "[options] [NAME]",
    .takes_words = true,
    .examples = "chitu pull\nchitu pull smollm2-135m-instruct",
    .run = pull,
};

}  // namespace chitu::app
