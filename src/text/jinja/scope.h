// Where names are looked up: the innermost scope first, the template's context last.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace chitu::jinja {

struct Scope {
  explicit Scope(std::shared_ptr<Scope> p) : parent(std::move(p)) {}

  Value* find_here(std::string_view name) {
    for (auto& [key, value] : names) {
      if (key == name) return &value;
    }
    return nullptr;
  }
  const Value* find(std::string_view name) {
    for (Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
      if (const Value* value = scope->find_here(name)) return value;
    }
    return nullptr;
  }
  void set(std::string_view name, Value value) {
    if (Value* here = find_here(name)) {
      *here = std::move(value);
    } else {
      names.emplace_back(name, std::move(value));
    }
  }

  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string_view, Value>>
      names;  // the keys live in the tree or the context
};

}  // namespace chitu::jinja
