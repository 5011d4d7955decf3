// The values of one scope's names while it runs.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"

namespace chitu::jinja {

struct Scope {
  // Charges for its slots before it makes them. `l` lives in the tree.
  Scope(std::shared_ptr<Scope> p, const ScopeLayout& l, Meter& meter)
      : parent(std::move(p)),
        layout(&l),
        charge(meter, sizeof(Scope) + l.names.size() * sizeof(values[0]) + 32) {
    meter.scan(l.names.size() * sizeof(values[0]));
    values.resize(l.names.size());
    for (size_t i = 0; i < values.size(); ++i) {
      if (l.names[i].hidden) values[i].emplace();
    }
  }

  // The value of the name that was resolved to `slot` in this scope; nullptr when neither this
  // scope nor one around it has assigned it.
  const Value* find(Slot slot) const {
    const Scope* scope = this;
    while (slot.known()) {
      for (uint32_t n = 0; n < slot.scopes_out; ++n) scope = scope->parent.get();
      const std::optional<Value>& value = scope->values[slot.index];
      if (value) return &*value;
      slot = scope->layout->names[slot.index].outside;
    }
    return nullptr;
  }

  std::shared_ptr<Scope> parent;
  const ScopeLayout* layout;
  Charge charge;
  std::vector<std::optional<Value>> values;  // by slot; nothing: not assigned here yet
};

}  // namespace chitu::jinja
