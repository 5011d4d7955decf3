// The functions that every template can call: range, dict, namespace, raise_exception, ...
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

struct GlobalEntry {
  std::string_view name;
  Function::Call call;
};

std::span<const GlobalEntry> globals();

}  // namespace chitu::jinja
