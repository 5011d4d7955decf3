// From a checkpoint to a model that can compute.
//
//   TRY(config, read_model_config(checkpoint));
//   TRY(plan, plan_weights(checkpoint, config, ops));      // headers only: does it fit?
//   TRY(model, load_model(checkpoint, config, ops));       // reads every weight once
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "model/config.h"
#include "model/model.h"
#include "model/plan.h"
#include "ops/ops.h"

namespace chitu {

class Checkpoint;

struct LoadProgress {
  int64_t bytes_done = 0;  // of the checkpoint's files
  int64_t bytes_total = 0;
};

struct LoadOptions {
  // Called on the loading thread after each tensor, the first time with bytes_done == 0.
  std::function<void(const LoadProgress&)> on_progress;
};

// What the checkpoint's config.json and generation_config.json, or its GGUF metadata, say;
// validated.
Result<ModelConfig> read_model_config(const Checkpoint& checkpoint);

// Binds every tensor by name, verifies its shape, and prepares the weights in file order, releasing
// the file's pages behind it: at no time does memory hold more than the prepared weights and the
// rows of one weight that the back end has not yet handed back (WeightSource::copied). A back end
// that hands none back holds one weight's source. The checkpoint may be closed afterwards.
// Errors: kNotFound for a missing tensor, kCorrupt for a shape that contradicts the configuration,
// kUnsupported for a number format without a kernel, kResourceExhausted.
Result<std::unique_ptr<Model>> load_model(const Checkpoint& checkpoint, const ModelConfig& config,
                                          Ops& ops, const LoadOptions& options = {});

// The model as load_model() makes it, with no weight read: each has its rows, columns and formats,
// and no data. Its forward() on DryRunOps with a measuring Arena tells the workspace of a step.
Result<std::unique_ptr<Model>> make_unloaded_model(const Checkpoint& checkpoint,
                                                   const ModelConfig& config, const Ops& ops);

}  // namespace chitu
