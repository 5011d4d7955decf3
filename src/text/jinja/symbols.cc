#include "text/jinja/symbols.h"

#include "text/jinja/children.h"

namespace chitu::jinja {

bool Symbols::knows(std::string_view name) const {
  return names_.contains(name) || (parent_ != nullptr && parent_->knows(name));
}

uint32_t Symbols::declare(std::string_view name) {
  Entry& entry = store(name);
  entry.hidden = false;
  return entry.slot;
}

void Symbols::declare_target(const Expr& target) {
  if (const auto* name = target.get<node::Name>()) declare(name->name);
  for_each_child(target, [&](const Expr& child) { declare_target(child); });
}

void Symbols::load(std::string_view name) {
  if (!knows(name)) names_.emplace(name, Entry());
}

// A name that is first met below an `if` may come from outside on the other branch: it is never
// hidden, whatever the branches do with it. So their order does not matter, and one table serves
// them all.
Symbols::Entry& Symbols::store(std::string_view name) {
  const bool hidden = conditions_ == 0 && !knows(name);
  Entry& entry = names_.try_emplace(name, Entry{.hidden = hidden}).first->second;
  if (entry.slot == Slot::kNone) {
    entry.slot = static_cast<uint32_t>(assigned_.size());
    assigned_.push_back(name);
  }
  return entry;
}

void Symbols::store_target(const Expr& target) {
  if (const auto* name = target.get<node::Name>()) store(name->name);
  if (const auto* ref = target.get<node::NamespaceRef>()) load(ref->name);
  for_each_child(target, [&](const Expr& child) { store_target(child); });
}

void Symbols::visit(const Block& body) {
  for (const auto& stmt : body) visit(*stmt);
}

void Symbols::visit(const Stmt& stmt) {
  std::visit([&](const auto& node) { statement(node); }, stmt.node);
}

void Symbols::visit(const Expr& expr) {
  if (const auto* name = expr.get<node::Name>()) load(name->name);
  for_each_child(expr, [&](const Expr& child) { visit(child); });
}

void Symbols::statement(const node::If& node) {
  ++conditions_;
  for (const auto& [condition, body] : node.branches) {
    visit(*condition);
    visit(body);
  }
  visit(node.otherwise);
  --conditions_;
}

void Symbols::statement(const node::Set& node) {
  visit(*node.value);
  store_target(*node.target);
}

void Symbols::statement(const node::With& node) {
  for (const auto& [target, value] : node.assignments) visit(*value);
}

Slot Symbols::resolve(std::string_view name) const {
  uint32_t scopes_out = 0;
  for (const Symbols* scope = this; scope != nullptr; scope = scope->parent_, ++scopes_out) {
    const auto it = scope->names_.find(name);
    if (it != scope->names_.end() && it->second.slot != Slot::kNone) {
      return {scopes_out, it->second.slot};
    }
  }
  return {};
}

ScopeLayout Symbols::layout() const {
  ScopeLayout layout;
  for (const std::string_view name : assigned_) {
    Slot outside = parent_ == nullptr ? Slot() : parent_->resolve(name);
    ++outside.scopes_out;
    layout.names.push_back({.hidden = names_.at(name).hidden, .outside = outside});
  }
  return layout;
}

}  // namespace chitu::jinja
