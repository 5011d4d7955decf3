// Where a benchmark's figures go as JSON.
#pragma once

#include <string>

#include "base/result.h"
#include "io/json.h"

namespace chitu::app {

// Writes one line to `path`; "-" is standard output, and an empty path writes nothing. Error: the
// file cannot be written.
Status write_json(const std::string& path, const json::Object& object);

}  // namespace chitu::app
