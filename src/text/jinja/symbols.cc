#include "text/jinja/symbols.h"

#include "text/jinja/children.h"

namespace chitu::jinja {

bool Symbols::knows(std::string_view name) const {
  return names_.contains(name) || (parent_ != nullptr && parent_->knows(name));
}

void Symbols::declare(std::string_view name) { names_[name] = false; }

void Symbols::declare_target(const Expr& target) {
  if (const auto* name = target.get<node::Name>()) declare(name->name);
  for_each_child(target, [&](const Expr& child) { declare_target(child); });
}

void Symbols::load(std::string_view name) {
  if (!knows(name)) names_.emplace(name, false);
}

// A name that is first met below an `if` may come from outside on the other branch: it is never
// hidden, whatever the branches do with it. So their order does not matter, and one table serves
// them all.
void Symbols::store(std::string_view name) {
  if (names_.contains(name)) return;
  names_.emplace(name, conditions_ == 0 && !knows(name));
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

HiddenNames Symbols::hidden() const {
  HiddenNames names;
  for (const auto& [name, hidden] : names_) {
    if (hidden) names.emplace_back(name);
  }
  return names;
}

}  // namespace chitu::jinja
