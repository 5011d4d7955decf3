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
    tree.hidden = symbols.hidden();
    block(tree.body, {&symbols});
  }

 private:
  void block(Block& body, const Place& place) {
    for (auto& stmt : body) {
      std::visit([&](auto& node) { statement(node, stmt->line, place); }, stmt->node);
    }
  }

  void check(const ExprPtr& expr, bool soft) {
    if (expr != nullptr) check(*expr, soft);
  }

  void check(const Expr& expr, bool soft) {
    if (const auto* filter = expr.get<node::Filter>(); filter != nullptr && !soft) {
      if (find_filter(filter->name) == nullptr) {
        fail_at(expr.line, "there is no filter named '{}'", filter->name);
      }
    }
    if (const auto* test = expr.get<node::Test>(); test != nullptr && !soft) {
      if (find_test(test->name) == nullptr)
        fail_at(expr.line, "there is no test named '{}'", test->name);
    }
    soft = soft || expr.get<node::Conditional>() != nullptr;
    for_each_child(expr, [&](const Expr& child) { check(child, soft); });
  }

  static void check_target(const Expr& target, int line, const Place& place) {
    if (const auto* name = target.get<node::Name>(); name != nullptr && place.in_for) {
      if (name->name == "loop") fail_at(line, "'loop' cannot be assigned within a for loop");
    }
    for_each_child(target, [&](const Expr& child) { check_target(child, line, place); });
  }

  void statement(node::Text&, int, const Place&) {}
  void statement(node::Output& node, int, const Place& place) { check(node.value, place.soft); }
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
      check(condition, true);
      block(body, soft);
    }
    block(node.otherwise, soft);
  }

  void statement(node::For& node, int line, const Place& place) {
    check(node.iterable, place.soft);
    check(node.filter, false);

    Symbols filter(place.symbols);
    filter.declare_target(*node.target);
    if (node.filter != nullptr) filter.visit(*node.filter);
    node.hidden_filter = filter.hidden();

    Symbols body(place.symbols);
    body.declare("loop");
    body.declare_target(*node.target);
    body.visit(node.body);
    node.hidden = body.hidden();
    Place inside = place.inner(body);
    inside.in_loop = inside.in_for = true;
    check_target(*node.target, line, inside);
    block(node.body, inside);

    Symbols otherwise(place.symbols);
    otherwise.visit(node.otherwise);
    node.hidden_otherwise = otherwise.hidden();
    Place after = place.inner(otherwise);
    after.in_for = true;
    after.in_loop = place.in_loop && !node.recursive;
    block(node.otherwise, after);
  }

  void statement(node::Set& node, int line, const Place& place) {
    check_target(*node.target, line, place);
    check(node.value, place.soft);
  }

  void statement(node::SetBlock& node, int line, const Place& place) {
    check_target(*node.target, line, place);
    Symbols symbols(place.symbols);
    symbols.visit(node.body);
    node.hidden = symbols.hidden();
    check(node.filter, false);
    block(node.body, place.inner(symbols));
  }

  void statement(node::FilterBlock& node, int, const Place& place) {
    Symbols symbols(place.symbols);
    symbols.visit(node.body);
    symbols.visit(*node.filter);
    node.hidden = symbols.hidden();
    check(node.filter, false);
    block(node.body, place.inner(symbols));
  }

  void statement(node::With& node, int, const Place& place) {
    Symbols symbols(place.symbols);
    for (auto& [target, value] : node.assignments) {
      check(value, place.soft);
      symbols.declare_target(*target);
    }
    symbols.visit(node.body);
    node.hidden = symbols.hidden();
    block(node.body, place.inner(symbols));
  }

  void macro(node::MacroDef& node, int line, const Place& place) {
    const auto undeclared = undeclared_names(node.body, {"caller", "kwargs", "varargs"});
    auto declares = [&](std::string_view name) {
      return std::find(node.parameters.begin(), node.parameters.end(), name) !=
             node.parameters.end();
    };
    node.uses_caller = undeclared.contains("caller");
    node.uses_kwargs = undeclared.contains("kwargs") && !declares("kwargs");
    node.uses_varargs = undeclared.contains("varargs") && !declares("varargs");
    if (node.uses_caller && node.explicit_caller) {
      const auto at = std::find(node.parameters.begin(), node.parameters.end(), "caller");
      const auto index = static_cast<size_t>(at - node.parameters.begin());
      if (index < node.parameters.size() - node.defaults.size()) {
        fail_at(line, "the parameter 'caller' needs a default");
      }
    }
    Symbols symbols(place.symbols);
    for (const std::string& parameter : node.parameters) symbols.declare(parameter);
    for (const ExprPtr& value : node.defaults) {
      check(value, false);
      symbols.visit(*value);
    }
    symbols.visit(node.body);
    if (node.uses_caller && !node.explicit_caller) symbols.declare("caller");
    if (node.uses_kwargs) symbols.declare("kwargs");
    if (node.uses_varargs) symbols.declare("varargs");
    node.hidden = symbols.hidden();
    block(node.body, place.function(symbols));
  }

  void statement(node::MacroDef& node, int line, const Place& place) { macro(node, line, place); }
  void statement(node::CallBlock& node, int line, const Place& place) {
    check(node.call, place.soft);
    macro(node.caller, line, place);
  }
  void statement(node::Generation& node, int line, const Place& place) {
    macro(node.body, line, place);
  }
};

}  // namespace

void analyze(Tree& tree) { Analysis().run(tree); }

}  // namespace chitu::jinja
