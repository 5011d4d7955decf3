// The names of one scope, in the order in which its source reads and assigns them.
#pragma once

#include <map>
#include <set>
#include <string>

#include "text/jinja/ast.h"

namespace chitu::jinja {

class Symbols {
 public:
  explicit Symbols(const Symbols* parent) : parent_(parent) {}

  void declare(const std::string& name);    // a parameter: assigned from the start
  void declare_target(const Expr& target);  // the same for all names of a target
  void visit(const Block& body);            // reads and assignments, not those of inner scopes
  void visit(const Expr& expr);

  HiddenNames hidden() const;

 private:
  // Where a name's value comes from when the scope begins.
  enum class Origin : uint8_t { kParameter, kOuter, kHidden };

  bool knows(const std::string& name) const;
  void load(const std::string& name);
  void store(const std::string& name);
  void store_target(const Expr& target);
  void branch(std::vector<Symbols> branches);
  void visit(const Stmt& stmt);

  void statement(const node::Text&) {}
  void statement(const node::Break&) {}
  void statement(const node::Continue&) {}
  void statement(const node::Generation&) {}
  void statement(const node::Output& node) { visit(*node.value); }
  void statement(const node::If& node);
  void statement(const node::For& node) { visit(*node.iterable); }
  void statement(const node::Set& node);
  void statement(const node::SetBlock& node) { store_target(*node.target); }
  void statement(const node::With& node);
  void statement(const node::MacroDef& node) { store(node.name); }
  void statement(const node::CallBlock& node) { visit(*node.call); }
  void statement(const node::FilterBlock& node) { visit(*node.filter); }

  const Symbols* parent_;
  std::map<std::string, Origin> names_;
  std::set<std::string> stores_;
};

}  // namespace chitu::jinja
