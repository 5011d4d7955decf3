// |tojson as transformers defines it for chat templates: json.dumps, without HTML escapes.
#pragma once

#include <optional>
#include <string>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // of one level; none: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

Value to_json(const Value& value, const JsonStyle& style, Runtime& rt);

}  // namespace chitu::jinja
