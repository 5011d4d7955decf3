// The expressions directly below an expression, in the order they are written.
#pragma once

#include "text/jinja/ast.h"

namespace chitu::jinja {

template <class Visit>
void for_each_argument(const CallArgs& args, Visit visit) {
  for (const ExprPtr& e : args.positional) visit(*e);
  for (const auto& [name, e] : args.keyword) visit(*e);
  if (args.star != nullptr) visit(*args.star);
  if (args.double_star != nullptr) visit(*args.double_star);
}

template <class Visit>
struct ChildVisitor {
  Visit& visit;

  void one(const ExprPtr& e) const {
    if (e != nullptr) visit(*e);
  }
  void all(const std::vector<ExprPtr>& items) const {
    for (const ExprPtr& e : items) one(e);
  }

  void operator()(const node::Constant&) const {}
  void operator()(const node::Name&) const {}
  void operator()(const node::NamespaceRef&) const {}
  void operator()(const node::Tuple& n) const { all(n.items); }
  void operator()(const node::List& n) const { all(n.items); }
  void operator()(const node::Dict& n) const {
    for (const auto& [key, value] : n.items) {
      one(key);
      one(value);
    }
  }
  void operator()(const node::Unary& n) const { one(n.operand); }
  void operator()(const node::Binary& n) const { pair(n); }
  void operator()(const node::And& n) const { pair(n); }
  void operator()(const node::Or& n) const { pair(n); }
  void operator()(const node::Compare& n) const {
    one(n.first);
    for (const auto& [op, e] : n.rest) one(e);
  }
  void operator()(const node::Concat& n) const { all(n.parts); }
  void operator()(const node::Conditional& n) const {
    one(n.condition);
    one(n.then);
    one(n.otherwise);
  }
  void operator()(const node::Attribute& n) const { one(n.object); }
  void operator()(const node::Item& n) const {
    one(n.object);
    one(n.key);
  }
  void operator()(const node::Slice& n) const {
    one(n.object);
    one(n.start);
    one(n.stop);
    one(n.step);
  }
  void operator()(const node::Call& n) const {
    one(n.callee);
    for_each_argument(n.args, visit);
  }
  void operator()(const node::Filter& n) const { applied(n); }
  void operator()(const node::Test& n) const { applied(n); }

 private:
  template <class Node>
  void pair(const Node& n) const {
    one(n.left);
    one(n.right);
  }
  template <class Node>
  void applied(const Node& n) const {
    one(n.operand);
    for_each_argument(n.args, visit);
  }
};

template <class Visit>
void for_each_child(const Expr& expr, Visit visit) {
  std::visit(ChildVisitor<Visit>{visit}, expr.node);
}

}  // namespace chitu::jinja
