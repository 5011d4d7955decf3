#include "text/jinja/symbols.h"

#include "text/jinja/children.h"

namespace chitu::jinja {

bool Symbols::knows(const std::string& name) const {
  return names_.contains(name) || (parent_ != nullptr && parent_->knows(name));
}

void Symbols::declare(const std::string& name) {
  stores_.insert(name);
  names_[name] = Origin::kParameter;
}

void Symbols::declare_target(const Expr& target) {
  if (const auto* name = target.get<node::Name>()) declare(name->name);
  for_each_child(target, [&](const Expr& child) { declare_target(child); });
}

void Symbols::load(const std::string& name) {
  if (!knows(name)) names_[name] = Origin::kOuter;
}

void Symbols::store(const std::string& name) {
  stores_.insert(name);
  if (names_.contains(name)) return;
  names_[name] = parent_ != nullptr && parent_->knows(name) ? Origin::kOuter : Origin::kHidden;
}

void Symbols::store_target(const Expr& target) {
  if (const auto* name = target.get<node::Name>()) store(name->name);
  if (const auto* ref = target.get<node::NamespaceRef>()) load(ref->name);
  for_each_child(target, [&](const Expr& child) { store_target(child); });
}

// A name that only some branches assign may come from outside on the others.
void Symbols::branch(std::vector<Symbols> branches) {
  std::set<std::string> assigned;
  for (const Symbols& b : branches) {
    for (const std::string& name : b.stores_) {
      if (!stores_.contains(name)) assigned.insert(name);
    }
  }
  for (Symbols& b : branches) {
    for (const auto& [name, origin] : b.names_) names_[name] = origin;
    stores_.merge(b.stores_);
  }
  for (const std::string& name : assigned) names_[name] = Origin::kOuter;
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
  visit(*node.branches.front().first);
  std::vector<Symbols> branches(3, *this);
  branches[0].visit(node.branches.front().second);
  for (size_t i = 1; i < node.branches.size(); ++i) {
    const auto& [condition, body] = node.branches[i];
    branches[1].visit(*condition);
    std::vector<Symbols> inner(1, branches[1]);
    inner[0].visit(body);
    branches[1].branch(std::move(inner));
  }
  branches[2].visit(node.otherwise);
  branch(std::move(branches));
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
  for (const auto& [name, origin] : names_) {
    if (origin == Origin::kHidden) names.push_back(name);
  }
  return names;
}

}  // namespace chitu::jinja
