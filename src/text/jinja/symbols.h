// The names of one scope, in the order in which its source reads and assigns them.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"

namespace chitu::jinja {

class Symbols {
 public:
  explicit Symbols(const Symbols* parent) : parent_(parent) {}

  uint32_t declare(std::string_view name);  // a parameter: assigned from the start; its slot
  void declare_target(const Expr& target);  // the same for all names of a target
  void visit(const Block& body);            // reads and assignments, not those of inner scopes
  void visit(const Expr& expr);

  // What follows needs all of the scope, and all of those around it, to have been visited.
  Slot resolve(std::string_view name) const;
  ScopeLayout layout() const;

 private:
  struct Entry {
    bool hidden = false;
    uint32_t slot = Slot::kNone;  // of a name that the scope assigns
  };

  bool knows(std::string_view name) const;
  void load(std::string_view name);
  Entry& store(std::string_view name);
  void store_target(const Expr& target);
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
  std::map<std::string_view, Entry> names_;  // the keys live in the tree
  std::vector<std::string_view> assigned_;   // by slot
  int conditions_ = 0;                       // the `if`s of this scope around what is visited
};

}  // namespace chitu::jinja
