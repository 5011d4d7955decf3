// How a checkpoint asks to be sampled, and what the settings make of it.
#pragma once

#include <string>

#include "app/settings.h"
#include "base/result.h"
#include "engine/sampling_options.h"
#include "io/json.h"

namespace chitu::app {

// temperature, top_k, top_p and min_p of a generation_config.json; nullptr: there is none. Without
// do_sample and temperature, and with do_sample=false, the likeliest token is taken; do_sample
// alone means temperature 1. top_k=-1 is another way to say 0. Errors name file and field.
Result<SamplingOptions> sampling_defaults(const json::Object* generation_config);

// The settings request.*, and infer.seed; where they say auto, the checkpoint's own.
SamplingOptions sampling_of(const Settings& settings, const SamplingOptions& own);

// What of it the checkpoint has decided: "temperature 0.6, top_p 0.95"; empty: nothing.
std::string decided_by_checkpoint(const Settings& settings, const SamplingOptions& own);

}  // namespace chitu::app
