// Runs a template's tree over a context.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/loop.h"
#include "text/jinja/macro.h"
#include "text/jinja/runtime.h"
#include "text/jinja/scope.h"

namespace chitu::jinja {

class Interpreter final : public Runtime {
 public:
  Interpreter(const Limits& limits, Clock clock) : Runtime(limits, std::move(clock)) {}
  ~Interpreter() override;

  // Throws TemplateError; line() is then where it happened.
  std::string run(const Tree& tree, std::shared_ptr<Dict> context);
  int line() const { return line_; }

  // Evaluates an expression of the tree; for iterators that filter a loop.
  Value eval(const Expr& expr, const std::shared_ptr<Scope>& scope);
  void assign(const Expr& target, Value value, Scope& scope);
  std::shared_ptr<Scope> inner_scope(const std::shared_ptr<Scope>& outer,
                                     const ScopeLayout& layout) {
    return std::make_shared<Scope>(outer, layout, meter());
  }

 protected:
  Value call_macro(const Value& macro, const Args& args) override;
  Value call_loop(const Value& loop, const Args& args) override;

 private:
  using ScopePtr = std::shared_ptr<Scope>;
  enum class Flow : uint8_t { kNext, kBreak, kContinue };

  Flow exec(const Block& body, const ScopePtr& scope);
  Flow exec(const node::Text& node, const ScopePtr& scope);
  Flow exec(const node::Output& node, const ScopePtr& scope);
  Flow exec(const node::If& node, const ScopePtr& scope);
  Flow exec(const node::For& node, const ScopePtr& scope);
  Flow exec(const node::Set& node, const ScopePtr& scope);
  Flow exec(const node::SetBlock& node, const ScopePtr& scope);
  Flow exec(const node::With& node, const ScopePtr& scope);
  Flow exec(const node::MacroDef& node, const ScopePtr& scope);
  Flow exec(const node::CallBlock& node, const ScopePtr& scope);
  Flow exec(const node::FilterBlock& node, const ScopePtr& scope);
  Flow exec(const node::Generation& node, const ScopePtr& scope);
  Flow exec(const node::Break&, const ScopePtr&) { return Flow::kBreak; }
  Flow exec(const node::Continue&, const ScopePtr&) { return Flow::kContinue; }

  Value eval(const node::Constant& node, const ScopePtr&) { return node.value; }
  Value eval(const node::Name& node, const ScopePtr& scope);
  Value eval(const node::Tuple& node, const ScopePtr& scope);
  Value eval(const node::List& node, const ScopePtr& scope);
  Value eval(const node::Dict& node, const ScopePtr& scope);
  Value eval(const node::Unary& node, const ScopePtr& scope);
  Value eval(const node::Binary& node, const ScopePtr& scope);
  Value eval(const node::And& node, const ScopePtr& scope);
  Value eval(const node::Or& node, const ScopePtr& scope);
  Value eval(const node::Compare& node, const ScopePtr& scope);
  Value eval(const node::Concat& node, const ScopePtr& scope);
  Value eval(const node::Conditional& node, const ScopePtr& scope);
  Value eval(const node::Attribute& node, const ScopePtr& scope);
  Value eval(const node::Item& node, const ScopePtr& scope);
  Value eval(const node::Slice& node, const ScopePtr& scope);
  Value eval(const node::Call& node, const ScopePtr& scope);
  Value eval(const node::Filter& node, const ScopePtr& scope);
  Value eval(const node::Test& node, const ScopePtr& scope);
  Value eval(const node::NamespaceRef& node, const ScopePtr& scope);

  Value eval_or_none(const ExprPtr& expr, const ScopePtr& scope);
  std::vector<Value> eval_all(const std::vector<ExprPtr>& items, const ScopePtr& scope);
  // `caller`, where there is one, goes between the named arguments and those of **.
  Args eval_args(const CallArgs& args, const ScopePtr& scope, const Value* caller = nullptr);
  // With the text of a block as what its filters begin with.
  Value eval_filters(const Expr& filter, Value text, const ScopePtr& scope);

  Flow run_loop(const node::For& node, const Value& iterable, const ScopePtr& scope,
                int64_t depth0);
  Value render_loop(const node::For& node, const Value& iterable, const ScopePtr& scope,
                    int64_t depth0);
  void bind_parameters(const node::MacroDef& node, const Args& args, const ScopePtr& scope);
  Value make_macro(const node::MacroDef& node, const ScopePtr& scope);
  Namespace& namespace_of(const node::NamespaceRef& ref, Scope& scope);
  void check_namespaces(const Expr& target, Scope& scope);

  // Writes go to the innermost buffer; the text of a scope that buffers is what it collected.
  class Buffer;
  void write(std::string_view text);
  void write(const Value& value);
  void write_text(const Value& value);  // of a filter or call block: fails unless it is a string

  // A scope that a macro or a loop holds may hold that in turn; it is emptied at the end.
  void keep(const ScopePtr& scope);

  std::shared_ptr<Dict> context_;
  TextBuilder* out_ = nullptr;
  TextBuilder* top_ = nullptr;
  Value filter_input_;
  std::vector<ScopePtr> kept_;
  int line_ = 1;
};

}  // namespace chitu::jinja
