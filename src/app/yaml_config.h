// Reads the YAML of configuration files: nested maps of scalars, flattened into `a.b.c` keys.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chitu::app {

inline constexpr std::size_t kMaxConfigBytes = 1U << 20;
inline constexpr std::size_t kMaxConfigDepth = 16;

struct ConfigEntry {
  std::string key;    // "infer.max_seq_len"
  std::string value;  // as written; "null" for an empty one; lists of scalars as "[1,2]"
  int line = 0;       // from 1
};

// `name` is how errors call the file. A map inside a list adds its keys under the list's own
// (`defaults: [{models: X}]` is defaults.models=X). Errors: what is not YAML, anchors and aliases,
// a key given twice, a text or nesting beyond the limits above.
Result<std::vector<ConfigEntry>> read_yaml_config(std::string_view text, std::string_view name);

}  // namespace chitu::app
