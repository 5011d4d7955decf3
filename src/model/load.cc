#include "model/load.h"

#include <string>
#include <utility>

#include "io/checkpoint.h"
#include "model/binder.h"
#include "model/registry.h"
#include "ops/dry_run.h"

namespace chitu {
namespace {

bool is_gguf(const Checkpoint& checkpoint) { return checkpoint.kind() == Checkpoint::Kind::kGguf; }

// The file that an error in the configuration speaks of.
std::string config_file(const Checkpoint& checkpoint) {
  const auto& path = checkpoint.path();
  return (is_gguf(checkpoint) ? path : path / "config.json").string();
}

Result<std::string> architecture_name(const Checkpoint& checkpoint) {
  if (is_gguf(checkpoint)) return checkpoint.gguf().string("general.architecture");
  TRY(names, json::Fields(checkpoint.config()).array("architectures"));
  if (names->empty() || !names->front().is_string()) {
    return make_error(ErrorCode::kInvalidArgument,
                      "architectures: expected a list with one name, such as "
                      "[\"LlamaForCausalLM\"]");
  }
  return std::string(names->front().get_string());
}

Result<const Architecture*> find_architecture(const Checkpoint& checkpoint) {
  TRY(name, architecture_name(checkpoint));
  auto found = find_architecture(name, checkpoint.kind());
  const std::string_view field = is_gguf(checkpoint) ? "general.architecture" : "architectures";
  if (!found) return std::move(found).error().within(field);
  return found;
}

Result<ModelConfig> read_config(const Checkpoint& checkpoint) {
  TRY(architecture, find_architecture(checkpoint));
  TRY(config, architecture->read_config(checkpoint, architecture->traits));
  config.architecture = architecture->name;
  return config;
}

// A model and the binder that holds its targets, verified against the headers.
struct Bound {
  std::unique_ptr<LoadableModel> model;
  Binder binder;
};

Result<Bound> bind_model(const Checkpoint& checkpoint, const ModelConfig& config) {
  TRY(architecture, find_architecture(config.architecture, checkpoint.kind()));
  Bound bound{architecture->make(config), Binder(checkpoint)};
  bound.model->bind(bound.binder, *architecture->names);
  TRY_STATUS(bound.binder.verify());
  return bound;
}

Result<std::unique_ptr<Model>> load(const Checkpoint& checkpoint, const ModelConfig& config,
                                    Ops& ops, const LoadOptions& options, Binder::Values values) {
  TRY(bound, bind_model(checkpoint, config));
  TRY(vectors, bound.binder.load(ops, options, values));
  bound.model->own(std::move(vectors));
  return std::unique_ptr<Model>(std::move(bound.model));
}

template <class T>
Result<T> within_checkpoint(Result<T> result, const Checkpoint& checkpoint) {
  if (!result) return std::move(result).error().within(checkpoint.path().string());
  return result;
}

}  // namespace

Result<ModelConfig> read_model_config(const Checkpoint& checkpoint) {
  auto config = read_config(checkpoint);
  if (!config) return std::move(config).error().within(config_file(checkpoint));
  return config;
}

Result<WeightPlan> plan_weights(const Checkpoint& checkpoint, const ModelConfig& config,
                                const Ops& ops) {
  const auto plan = [&]() -> Result<WeightPlan> {
    TRY(bound, bind_model(checkpoint, config));
    return bound.binder.plan(ops);
  };
  return within_checkpoint(plan(), checkpoint);
}

Result<std::unique_ptr<Model>> load_model(const Checkpoint& checkpoint, const ModelConfig& config,
                                          Ops& ops, const LoadOptions& options) {
  return within_checkpoint(load(checkpoint, config, ops, options, Binder::Values::kRead),
                           checkpoint);
}

Result<std::unique_ptr<Model>> make_unloaded_model(const Checkpoint& checkpoint,
                                                   const ModelConfig& config, const Ops& ops) {
  DryRunOps dry(ops);
  return within_checkpoint(load(checkpoint, config, dry, {}, Binder::Values::kLeaveUnread),
                           checkpoint);
}

KvSpec kv_spec(const ModelConfig& config) {
  return {.num_layers = config.num_layers,
          .kv_heads = config.num_kv_heads,
          .head_dim = config.head_dim};
}

}  // namespace chitu
