#include "text/jinja/interpreter.h"

#include <algorithm>

#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/iterate.h"
#include "text/jinja/repr.h"

namespace chitu::jinja {

// Collects what is written while it lives.
class Interpreter::Buffer {
 public:
  explicit Buffer(Interpreter& in) : in_(in), text_(in), outer_(in.out_) { in.out_ = &text_; }
  ~Buffer() { in_.out_ = outer_; }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  Value value() { return text_.value(); }
  TextBuilder& text() { return text_; }

 private:
  Interpreter& in_;
  TextBuilder text_;
  TextBuilder* outer_;
};

namespace {

// The items of a loop that pass its `if`, tested one at a time.
struct FilteredIterator : Iterator {
  FilteredIterator(const node::For& n, std::shared_ptr<Iterator> s, std::shared_ptr<Scope> o)
      : node(n), source(std::move(s)), outer(std::move(o)) {}

  bool next(Runtime& rt, Value& out) override {
    auto& in = static_cast<Interpreter&>(rt);
    const Level level(rt.meter());
    Value item;
    while (source->next(rt, item)) {
      rt.meter().step();
      const auto scope = in.inner_scope(outer, node.filter_scope);
      in.assign(*node.target, item, *scope);
      if (!truthy(in.eval(*node.filter, scope))) continue;
      out = in.eval(*node.target, scope);
      return true;
    }
    return false;
  }

  const node::For& node;
  std::shared_ptr<Iterator> source;
  std::shared_ptr<Scope> outer;
};

}  // namespace

Interpreter::~Interpreter() {
  for (const ScopePtr& scope : kept_) scope->values.clear();
  break_circles();
}

std::string Interpreter::run(const Tree& tree, std::shared_ptr<Dict> context) {
  context_ = std::move(context);
  Buffer buffer(*this);
  top_ = &buffer.text();
  const ScopePtr scope = inner_scope(nullptr, tree.scope);
  keep(scope);  // its macros hold it
  exec(tree.body, scope);
  return buffer.text().take();
}

void Interpreter::write(std::string_view text) {
  out_->append(text);
  const int64_t limit = meter().limits().max_output_bytes;
  if (out_ == top_ && static_cast<int64_t>(out_->size()) > limit) {
    fail_limit("the rendered text is longer than its limit of {} bytes", limit);
  }
}

void Interpreter::write(const Value& value) {
  if (value.is_string()) return write(value.text());
  write(to_str(value, *this));
}

void Interpreter::write_text(const Value& value) {
  if (!value.is_string()) fail("a block must result in a string, not in {}", type_name(value));
  write(value.text());
}

void Interpreter::keep(const ScopePtr& scope) {
  meter().take(2 * sizeof(ScopePtr));
  kept_.push_back(scope);
}

Interpreter::Flow Interpreter::exec(const Block& body, const ScopePtr& scope) {
  const Level level(meter());
  for (const auto& stmt : body) {
    meter().step();
    line_ = stmt->line;
    const Flow flow = std::visit([&](const auto& node) { return exec(node, scope); }, stmt->node);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::Text& node, const ScopePtr&) {
  write(node.text);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::Output& node, const ScopePtr& scope) {
  write(eval(*node.value, scope));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::If& node, const ScopePtr& scope) {
  for (const auto& [condition, body] : node.branches) {
    if (truthy(eval(*condition, scope))) return exec(body, scope);
  }
  return exec(node.otherwise, scope);
}

Interpreter::Flow Interpreter::exec(const node::For& node, const ScopePtr& scope) {
  const Value iterable = eval(*node.iterable, scope);
  if (!node.recursive) return run_loop(node, iterable, scope, 0);
  write(render_loop(node, iterable, scope, 0));
  return Flow::kNext;
}

Value Interpreter::render_loop(const node::For& node, const Value& iterable, const ScopePtr& scope,
                               int64_t depth0) {
  Buffer buffer(*this);
  run_loop(node, iterable, scope, depth0);
  return buffer.value();
}

Interpreter::Flow Interpreter::run_loop(const node::For& node, const Value& iterable,
                                        const ScopePtr& scope, int64_t depth0) {
  std::shared_ptr<Iterator> source = iterate(iterable, *this);
  Value items = iterable;
  if (node.filter != nullptr) {
    source = make<FilteredIterator>(items.depth(), node, std::move(source), scope);
    items = Value::object(Kind::kIterator, source);
  }
  const auto loop = make<Loop>(items.depth(), items, std::move(source));
  const Value loop_value = Value::object(Kind::kLoop, loop);
  loop->depth0 = depth0;
  if (node.recursive) {
    loop->recursive = &node;
    loop->scope = scope;
  }
  bool completed = false;  // one iteration, to its end: without a break or continue
  for (Value item; loop->next(*this, item);) {
    meter().step();
    const ScopePtr inner = inner_scope(scope, node.scope);
    inner->values[node.loop_slot] = loop_value;
    assign(*node.target, item, *inner);
    const Flow flow = exec(node.body, inner);
    if (flow == Flow::kBreak) break;
    completed |= flow == Flow::kNext;
  }
  loop->finish();
  if (completed || node.otherwise.empty()) return Flow::kNext;
  return exec(node.otherwise, inner_scope(scope, node.otherwise_scope));
}

Value Interpreter::call_loop(const Value& value, const Args& args) {
  const Bound bound("loop", args, {"iterable"}, 1);
  const auto& loop = value.as<Loop>();
  if (loop.recursive == nullptr) fail("loop() needs a loop that is marked 'recursive'");
  const ScopePtr scope = loop.scope.lock();
  if (scope == nullptr) fail("loop() is called after its loop has ended");
  return render_loop(*loop.recursive, *bound[0], scope, loop.depth0 + 1);
}

void Interpreter::assign(const Expr& target, Value value, Scope& scope) {
  if (const auto* name = target.get<node::Name>()) {
    scope.values[name->slot.index] = std::move(value);
  } else if (const auto* tuple = target.get<node::Tuple>()) {
    const std::vector<Value> items = to_vector(value, *this);
    if (items.size() != tuple->items.size()) {
      fail("{} values cannot be unpacked into {} names", items.size(), tuple->items.size());
    }
    for (size_t i = 0; i < items.size(); ++i) assign(*tuple->items[i], items[i], scope);
  } else if (const auto* ref = target.get<node::NamespaceRef>()) {
    if (ref->attribute.starts_with("_"))
      fail("a namespace cannot have the attribute '{}'", ref->attribute);
    Namespace& ns = namespace_of(*ref, scope);
    ns.attributes.set(string(ref->attribute), std::move(value), meter());
  }
}

Namespace& Interpreter::namespace_of(const node::NamespaceRef& ref, Scope& scope) {
  const Value* value = scope.find(ref.slot);
  if (value == nullptr) value = context_->find(ref.name, meter());
  if (value == nullptr || !value->is(Kind::kNamespace)) {
    fail("'{}' is not a namespace: only attributes of one can be assigned", ref.name);
  }
  return value->as<Namespace>();
}

void Interpreter::check_namespaces(const Expr& target, Scope& scope) {
  if (const auto* ref = target.get<node::NamespaceRef>()) namespace_of(*ref, scope);
  if (const auto* tuple = target.get<node::Tuple>()) {
    for (const ExprPtr& item : tuple->items) check_namespaces(*item, scope);
  }
}

Interpreter::Flow Interpreter::exec(const node::Set& node, const ScopePtr& scope) {
  check_namespaces(*node.target, *scope);
  assign(*node.target, eval(*node.value, scope), *scope);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::SetBlock& node, const ScopePtr& scope) {
  const ScopePtr inner = inner_scope(scope, node.scope);
  Value text;
  {
    Buffer buffer(*this);
    const Flow flow = exec(node.body, inner);
    if (flow != Flow::kNext) return flow;
    text = buffer.value();
  }
  if (node.filter != nullptr) text = eval_filters(*node.filter, std::move(text), inner);
  assign(*node.target, std::move(text), *scope);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::FilterBlock& node, const ScopePtr& scope) {
  const ScopePtr inner = inner_scope(scope, node.scope);
  Value text;
  {
    Buffer buffer(*this);
    const Flow flow = exec(node.body, inner);
    if (flow != Flow::kNext) return flow;
    text = buffer.value();
  }
  write_text(eval_filters(*node.filter, std::move(text), inner));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::With& node, const ScopePtr& scope) {
  const ScopePtr inner = inner_scope(scope, node.scope);
  for (const auto& [target, value] : node.assignments) assign(*target, eval(*value, scope), *inner);
  return exec(node.body, inner);
}

Value Interpreter::make_macro(const node::MacroDef& node, const ScopePtr& scope) {
  keep(scope);
  return Value::object(Kind::kMacro, make<Macro>(0, node, scope));
}

Interpreter::Flow Interpreter::exec(const node::MacroDef& node, const ScopePtr& scope) {
  scope->values[node.slot] = make_macro(node, scope);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::CallBlock& node, const ScopePtr& scope) {
  const auto& call_node = *node.call->get<node::Call>();
  const Value caller = make_macro(node.caller, scope);
  const Value callee = eval(*call_node.callee, scope);
  write_text(call(callee, eval_args(call_node.args, scope, &caller)));
  return Flow::kNext;
}

Interpreter::Flow Interpreter::exec(const node::Generation& node, const ScopePtr& scope) {
  write(call(make_macro(node.body, scope), {}));
  return Flow::kNext;
}

Value Interpreter::call_macro(const Value& value, const Args& args) {
  const auto& macro = value.as<Macro>();
  const node::MacroDef& definition = *macro.definition;
  const ScopePtr scope = inner_scope(macro.scope, definition.scope);
  const int line = line_;
  bind_parameters(definition, args, scope);
  Buffer buffer(*this);
  exec(definition.body, scope);
  line_ = line;
  return buffer.value();
}

void Interpreter::bind_parameters(const node::MacroDef& node, const Args& args,
                                  const ScopePtr& scope) {
  const size_t count = node.parameters.size();
  const size_t given = std::min(args.positional.size(), count);
  const KeywordIndex keywords(args);
  std::vector<bool> used(args.keyword.size(), false);
  auto take = [&](std::string_view name) -> const Value* {
    const auto i = keywords.find(name);
    if (i) used[*i] = true;
    return i ? &args.keyword[*i].second : nullptr;
  };
  std::vector<size_t> missing;
  for (size_t i = 0; i < count; ++i) {
    const Value* value = i < given ? &args.positional[i] : take(node.parameters[i]);
    if (value == nullptr) missing.push_back(i);
    scope->values[i] = value == nullptr ? Value() : *value;
  }
  if (node.caller_slot != Slot::kNone) {
    const Value* caller = take("caller");
    scope->values[node.caller_slot] =
        caller == nullptr ? undefined("no caller is defined") : *caller;
  }
  if (node.kwargs_slot != Slot::kNone) {
    auto rest = make_dict();
    for (size_t i = 0; i < used.size(); ++i) {
      const auto& [name, value] = args.keyword[i];
      if (!used[i]) rest->set(string(name), value, meter());
    }
    scope->values[node.kwargs_slot] = Value::object(Kind::kDict, rest);
  } else if (const auto it = std::find(used.begin(), used.end(), false); it != used.end()) {
    fail("the macro '{}' takes no argument named '{}'", node.name,
         args.keyword[static_cast<size_t>(it - used.begin())].first);
  }
  if (node.varargs_slot != Slot::kNone) {
    const auto first = args.positional.begin() + static_cast<int64_t>(given);
    scope->values[node.varargs_slot] = tuple({first, args.positional.end()});
  } else if (args.positional.size() > count) {
    fail("the macro '{}' takes at most {} arguments", node.name, count);
  }
  const size_t required = count - node.defaults.size();
  for (const size_t i : missing) {
    scope->values[i] =
        i < required
            ? undefined(fmt::format("the parameter '{}' was not given", node.parameters[i]))
            : eval(*node.defaults[i - required], scope);
  }
}

}  // namespace chitu::jinja
