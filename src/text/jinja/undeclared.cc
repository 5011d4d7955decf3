#include "text/jinja/undeclared.h"

#include "text/jinja/children.h"

namespace chitu::jinja {
namespace {

// Walks the source in the order in which Jinja does, inner scopes included.
class Finder {
 public:
  explicit Finder(std::set<std::string> names) : names_(std::move(names)) {}

  std::set<std::string> take() { return std::move(found_); }

  void block(const Block& body) {
    for (const auto& stmt : body)
      std::visit([&](const auto& node) { statement(node); }, stmt->node);
  }

 private:
  void read(const ExprPtr& expr) {
    if (expr != nullptr) read(*expr);
  }
  void read(const Expr& expr) {
    if (const auto* name = expr.get<node::Name>(); name != nullptr && names_.contains(name->name)) {
      found_.insert(name->name);
    }
    for_each_child(expr, [&](const Expr& child) { read(child); });
  }
  void assign(const Expr& target) {
    if (const auto* name = target.get<node::Name>()) names_.erase(name->name);
    for_each_child(target, [&](const Expr& child) { assign(child); });
  }

  void statement(const node::Text&) {}
  void statement(const node::Break&) {}
  void statement(const node::Continue&) {}
  void statement(const node::Output& node) { read(node.value); }
  void statement(const node::If& node) {
    for (const auto& [condition, body] : node.branches) {
      read(condition);
      block(body);
    }
    block(node.otherwise);
  }
  void statement(const node::For& node) {
    assign(*node.target);
    read(node.iterable);
    block(node.body);
    block(node.otherwise);
    read(node.filter);
  }
  void statement(const node::Set& node) {
    assign(*node.target);
    read(node.value);
  }
  void statement(const node::SetBlock& node) {
    assign(*node.target);
    read(node.filter);
    block(node.body);
  }
  void statement(const node::With& node) {
    for (const auto& [target, value] : node.assignments) assign(*target);
    for (const auto& [target, value] : node.assignments) read(value);
    block(node.body);
  }
  void statement(const node::MacroDef& node) {
    for (const std::string& parameter : node.parameters) names_.erase(parameter);
    for (const ExprPtr& value : node.defaults) read(value);
    block(node.body);
  }
  void statement(const node::CallBlock& node) {
    read(node.call);
    statement(node.caller);
  }
  void statement(const node::FilterBlock& node) {
    block(node.body);
    read(node.filter);
  }
  void statement(const node::Generation& node) { statement(node.body); }

  std::set<std::string> names_;
  std::set<std::string> found_;
};

}  // namespace

std::set<std::string> undeclared_names(const Block& body, std::set<std::string> names) {
  Finder finder(std::move(names));
  finder.block(body);
  return finder.take();
}

}  // namespace chitu::jinja
