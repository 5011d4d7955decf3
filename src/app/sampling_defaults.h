// How a checkpoint asks to be sampled.
#pragma once

#include "base/result.h"
#include "io/json.h"
#include "ops/descs.h"

namespace chitu::app {

// temperature, top_k, top_p and min_p of a generation_config.json; nullptr: there is none. Without
// do_sample and temperature, and with do_sample=false, the likeliest token is taken; do_sample
// alone means temperature 1. top_k=-1 is another way to say 0. Errors name file and field.
Result<SamplingParams> sampling_defaults(const json::Object* generation_config);

}  // namespace chitu::app
