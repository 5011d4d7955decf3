// The methods of strings, lists, tuples, dicts and numbers.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

struct MethodEntry {
  std::string_view name;
  Function::Call call;
};

std::span<const MethodEntry> string_methods();
std::span<const MethodEntry> container_methods(Kind kind);  // empty for kinds without methods

// True for the methods that the immutable sandbox refuses: list.append, dict.pop, ...
bool is_mutator(Kind kind, std::string_view name);

}  // namespace chitu::jinja
