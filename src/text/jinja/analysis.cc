#include "text/jinja/analysis.h"

#include "text/jinja/children.h"
#include "text/jinja/filters.h"
#include "text/jinja/symbols.h"
#include "text/jinja/tests.h"
#include "text/jinja/undeclared.h"

namespace chitu::jinja {
namespace {

template <class... Args>
[[noreturn]] void fail_at(int line, fmt::format_string<Args...> format, Args&&... args) {
  throw TemplateError(ErrorCode::kCorrupt, fmt::format(format, std::forward<Args>(args)...), line);
}

// Where a statement stands.
struct Place {
  const Symbols* symbols;
  bool soft = false;     // below an `if` of the same scope
  bool in_loop = false;  // where break and continue may stand
  bool in_for = false;   // anywhere within a for loop

  Place inner(const Symbols& s) const { return {&s, false, in_loop, in_for}; }
  Place function(const Symbols& s) const { return {&s, false, false, in_for}; }
};

class Analysis {
 public:
  void run(Tree& tree) {
    Symbols symbols(nullptr);
    symbols.visit(tree.body);
    tree.scope = symbols.layout();
    block(tree.body, {&symbols});
  }

 private:
  void block(Block& body, const Place& place) {
    for (auto& stmt : body) {
      std::visit([&](auto& node) { statement(node, stmt->line, place); }, stmt->node);
    }
  }

  // Of an expression that is evaluated in the scope of `symbols`.
  void check(const ExprPtr& expr, const Symbols& symbols, bool soft) {
    if (expr != nullptr) check(*expr, symbols, soft);
  }

  void check(Expr& expr, const Symbols& symbols, bool soft) {
    if (auto* name = expr.get<node::Name>()) name->slot = symbols.resolve(name->name);
    if (const auto* filter = expr.get<node::Filter>(); filter != nullptr && !soft) {
      if (find_filter(filter->name) == nullptr) throw missing_filter(filter->name, expr.line);
    }
    if (const auto* test = expr.get<node::Test>(); test != nullptr && !soft) {
      if (find_test(test->name) == nullptr)
        fail_at(expr.line, "there is no test named '{}'", test->name);
    }
    soft = soft || expr.get<node::Conditional>() != nullptr;
    for_each_child(expr, [&](Expr& child) { check(child, symbols, soft); });
  }

  // Of what a statement assigns in the scope of `symbols`.
  static void resolve_target(Expr& target, const Symbols& symbols) {
    if (auto* name = target.get<node::Name>()) name->slot = symbols.resolve(name->name);
    if (auto* ref = target.get<node::NamespaceRef>()) ref->slot = symbols.resolve(ref->name);
    for_each_child(target, [&](Expr& child) { resolve_target(child, symbols); });
  }

  static void check_target(const Expr& target, int line, const Place& place) {
    if (const auto* name = target.get<node::Name>(); name != nullptr && place.in_for) {
      if (name->name == "loop") fail_at(line, "'loop' cannot be assigned within a for loop");
    }
    for_each_child(target, [&](const Expr& child) { check_target(child, line, place); });
  }

  void statement(node::Text&, int, const Place&) {}
  void statement(node::Output& node, int, const Place& place) {
    check(node.value, *place.symbols, place.soft);
  }
  void statement(node::Break&, int line, const Place& place) {
    if (!place.in_loop) fail_at(line, "{{% break %}} stands outside of a loop");
  }
  void statement(node::Continue&, int line, const Place& place) {
    if (!place.in_loop) fail_at(line, "{{% continue %}} stands outside of a loop");
  }

  void statement(node::If& node, int, const Place& place) {
    Place soft = place;
    soft.soft = true;
    for (auto& [condition, body] : node.branches) {
      check(condition, *place.symbols, true);
      block(body, soft);
    }
    block(node.otherwise, soft);
  }

  void statement(node::For& node, int line, const Place& place) {
    check(node.iterable, *place.symbols, place.soft);

    Symbols filter(place.symbols);
    filter.declare_target(*node.target);
    if (node.filter != nullptr) filter.visit(*node.filter);
    check(node.filter, filter, false);
    node.filter_scope = filter.layout();

    Symbols body(place.symbols);
    body.declare_target(*node.target);
    node.loop_slot = body.declare("loop");
    body.visit(node.body);
    node.scope = body.layout();
    Place inside = place.inner(body);
    inside.in_loop = inside.in_for = true;
    check_target(*node.target, line, inside);
    resolve_target(*node.target, body);
    block(node.body, inside);

    Symbols otherwise(place.symbols);
    otherwise.visit(node.otherwise);
    node.otherwise_scope = otherwise.layout();
    Place after = place.inner(otherwise);
    after.in_for = true;
    after.in_loop = place.in_loop && !node.recursive;
    block(node.otherwise, after);
  }

  void statement(node::Set& node, int line, const Place& place) {
    check_target(*node.target, line, place);
    resolve_target(*node.target, *place.symbols);
    check(node.value, *place.symbols, place.soft);
  }

  void statement(node::SetBlock& node, int line, const Place& place) {
    check_target(*node.target, line, place);
    resolve_target(*node.target, *place.symbols);
    Symbols symbols(place.symbols);
    symbols.visit(node.body);
    node.scope = symbols.layout();
    check(node.filter, symbols, false);
    block(node.body, place.inner(symbols));
  }

  void statement(node::FilterBlock& node, int, const Place& place) {
    Symbols symbols(place.symbols);
    symbols.visit(node.body);
    symbols.visit(*node.filter);
    node.scope = symbols.layout();
    check(node.filter, symbols, false);
    block(node.body, place.inner(symbols));
  }

  void statement(node::With& node, int, const Place& place) {
    Symbols symbols(place.symbols);
    for (auto& [target, value] : node.assignments) {
      check(value, *place.symbols, place.soft);
      symbols.declare_target(*target);
    }
    symbols.visit(node.body);
    node.scope = symbols.layout();
    for (auto& [target, value] : node.assignments) resolve_target(*target, symbols);
    block(node.body, place.inner(symbols));
  }

  void macro(node::MacroDef& node, int line, const Place& place) {
    const auto undeclared = undeclared_names(node.body, {"caller", "kwargs", "varargs"});
    auto declares = [&](std::string_view name) {
      return std::find(node.parameters.begin(), node.parameters.end(), name) !=
             node.parameters.end();
    };
    node.uses_caller = undeclared.contains("caller");
    const bool uses_kwargs = undeclared.contains("kwargs") && !declares("kwargs");
    const bool uses_varargs = undeclared.contains("varargs") && !declares("varargs");
    if (node.uses_caller && node.explicit_caller) {
      const auto at = std::find(node.parameters.begin(), node.parameters.end(), "caller");
      const auto index = static_cast<size_t>(at - node.parameters.begin());
      if (index < node.parameters.size() - node.defaults.size()) {
        fail_at(line, "the parameter 'caller' needs a default");
      }
    }
    Symbols symbols(place.symbols);
    for (const std::string& parameter : node.parameters) symbols.declare(parameter);
    for (const ExprPtr& value : node.defaults) symbols.visit(*value);
    symbols.visit(node.body);
    if (node.uses_caller && !node.explicit_caller) node.caller_slot = symbols.declare("caller");
    if (uses_kwargs) node.kwargs_slot = symbols.declare("kwargs");
    if (uses_varargs) node.varargs_slot = symbols.declare("varargs");
    node.scope = symbols.layout();
    for (const ExprPtr& value : node.defaults) check(value, symbols, false);
    block(node.body, place.function(symbols));
  }

  void statement(node::MacroDef& node, int line, const Place& place) {
    node.slot = place.symbols->resolve(node.name).index;
    macro(node, line, place);
  }
  void statement(node::CallBlock& node, int line, const Place& place) {
    check(node.call, *place.symbols, place.soft);
    macro(node.caller, line, place);
  }
  void statement(node::Generation& node, int line, const Place& place) {
    macro(node.body, line, place);
  }
};

}  // namespace

void analyze(Tree& tree) { Analysis().run(tree); }

}  // namespace chitu::jinja
