// The expressions of the interpreter.
#include "text/jinja/arithmetic.h"
#include "text/jinja/attributes.h"
#include "text/jinja/compare.h"
#include "text/jinja/globals.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/iterate.h"
#include "text/jinja/repr.h"

namespace chitu::jinja {

Value Interpreter::eval(const Expr& expr, const ScopePtr& scope) {
  meter().step();
  const Level level(meter());
  const int outer_line = std::exchange(line_, expr.line);
  Value value = std::visit([&](const auto& node) { return eval(node, scope); }, expr.node);
  line_ = outer_line;  // not after a failure: then it names where that happened
  return value;
}

Value Interpreter::eval(const node::Name& node, const ScopePtr& scope) {
  const Value* value = scope->find(node.slot);
  if (value == nullptr) value = context_->find(node.name, meter());
  if (value != nullptr && !(value->is_undefined() && value->shared() == nullptr)) return *value;
  if (value == nullptr) {
    for (const GlobalEntry& global : globals()) {
      if (global.name == node.name) {
        return Value::object(Kind::kFunction,
                             make<Function>(0, global.name, Value::none(), global.call));
      }
    }
  }
  return undefined(fmt::format("'{}' is undefined", node.name));
}

std::vector<Value> Interpreter::eval_all(const std::vector<ExprPtr>& items, const ScopePtr& scope) {
  ListBuilder out(*this);
  for (const ExprPtr& item : items) out.append(eval(*item, scope));
  return out.take();
}

Value Interpreter::eval(const node::Tuple& node, const ScopePtr& scope) {
  return tuple(eval_all(node.items, scope));
}

Value Interpreter::eval(const node::List& node, const ScopePtr& scope) {
  return list(eval_all(node.items, scope));
}

Value Interpreter::eval(const node::Dict& node, const ScopePtr& scope) {
  auto dict = make_dict();
  for (const auto& [key, value] : node.items) {
    Value k = eval(*key, scope);
    Value v = eval(*value, scope);
    dict->set(std::move(k), std::move(v), meter());
  }
  return Value::object(Kind::kDict, std::move(dict));
}

Value Interpreter::eval(const node::Unary& node, const ScopePtr& scope) {
  return unary(node.op, eval(*node.operand, scope), *this);
}

Value Interpreter::eval(const node::Binary& node, const ScopePtr& scope) {
  const Value left = eval(*node.left, scope);
  const Value right = eval(*node.right, scope);
  return binary(node.op, left, right, *this);
}

Value Interpreter::eval(const node::And& node, const ScopePtr& scope) {
  Value left = eval(*node.left, scope);
  return truthy(left) ? eval(*node.right, scope) : left;
}

Value Interpreter::eval(const node::Or& node, const ScopePtr& scope) {
  Value left = eval(*node.left, scope);
  return truthy(left) ? left : eval(*node.right, scope);
}

Value Interpreter::eval(const node::Compare& node, const ScopePtr& scope) {
  Value left = eval(*node.first, scope);
  for (const auto& [op, expr] : node.rest) {
    Value right = eval(*expr, scope);
    if (!compare(op, left, right, *this)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::eval(const node::Concat& node, const ScopePtr& scope) {
  const std::vector<Value> parts = eval_all(node.parts, scope);
  TextBuilder out(*this);
  for (const Value& part : parts) append_str(out, part, *this);
  return out.value();
}

Value Interpreter::eval(const node::Conditional& node, const ScopePtr& scope) {
  if (truthy(eval(*node.condition, scope))) return eval(*node.then, scope);
  if (node.otherwise != nullptr) return eval(*node.otherwise, scope);
  return undefined("the condition of an inline 'if' is false and it has no 'else'");
}

Value Interpreter::eval(const node::Attribute& node, const ScopePtr& scope) {
  return get_attribute(eval(*node.object, scope), node.name, *this);
}

Value Interpreter::eval(const node::Item& node, const ScopePtr& scope) {
  const Value object = eval(*node.object, scope);
  return get_item(object, eval(*node.key, scope), *this);
}

Value Interpreter::eval_or_none(const ExprPtr& expr, const ScopePtr& scope) {
  return expr == nullptr ? Value::none() : eval(*expr, scope);
}

Value Interpreter::eval(const node::Slice& node, const ScopePtr& scope) {
  const Value object = eval(*node.object, scope);
  const Value start = eval_or_none(node.start, scope);
  const Value stop = eval_or_none(node.stop, scope);
  const Value step = eval_or_none(node.step, scope);
  return get_slice(object, start, stop, step, *this);
}

Args Interpreter::eval_args(const CallArgs& node, const ScopePtr& scope, const Value* caller) {
  Args args;
  args.positional = eval_all(node.positional, scope);
  for (const auto& [name, expr] : node.keyword) {
    meter().scan(name.size());
    args.keyword.emplace_back(name, eval(*expr, scope));
  }
  if (caller != nullptr) args.keyword.emplace_back("caller", *caller);
  if (node.star != nullptr) {
    const std::vector<Value> items = to_vector(eval(*node.star, scope), *this);
    args.positional.insert(args.positional.end(), items.begin(), items.end());
  }
  if (node.double_star != nullptr) {
    const Value mapping = eval(*node.double_star, scope);
    if (!mapping.is(Kind::kDict))
      fail("the arguments after ** must be a mapping, not {}", type_name(mapping));
    const auto& dict = mapping.as<Dict>();
    for (const auto& [name, value] : args.keyword) {
      if (dict.find(name, meter()) != nullptr) fail("the argument '{}' is given twice", name);
    }
    for (const auto& [key, value] : dict.entries()) {
      meter().step();
      if (!key.is_string()) fail("the names of the arguments after ** must be strings");
      meter().scan(key.text().size());
      args.keyword.emplace_back(key.text(), value);
    }
  }
  return args;
}

Value Interpreter::eval(const node::Call& node, const ScopePtr& scope) {
  const Value callee = eval(*node.callee, scope);
  return call(callee, eval_args(node.args, scope));
}

Value Interpreter::eval(const node::Filter& node, const ScopePtr& scope) {
  const Value operand = node.operand == nullptr ? filter_input_ : eval(*node.operand, scope);
  return filter(node.name, operand, eval_args(node.args, scope));
}

Value Interpreter::eval_filters(const Expr& expr, Value text, const ScopePtr& scope) {
  std::swap(filter_input_, text);
  Value result = eval(expr, scope);
  std::swap(filter_input_, text);
  return result;
}

Value Interpreter::eval(const node::Test& node, const ScopePtr& scope) {
  const Value operand = eval(*node.operand, scope);
  return Value::boolean(test(node.name, operand, eval_args(node.args, scope)));
}

Value Interpreter::eval(const node::NamespaceRef& node, const ScopePtr& scope) {
  const Value* value = scope->find(node.slot);
  return value == nullptr ? undefined(fmt::format("'{}' is undefined", node.name))
                          : get_attribute(*value, node.attribute, *this);
}

}  // namespace chitu::jinja
