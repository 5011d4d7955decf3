#include "text/jinja/expression_parser.h"

#include <array>
#include <set>

#include "text/jinja/children.h"

namespace chitu::jinja {
namespace {

constexpr int kMaxExpressionDepth =
    200;  // of chains like a + b + c, which do not nest in the source

bool is_constant(const Expr& expr) {
  if (expr.get<node::Constant>() != nullptr) return true;
  const auto* sign = expr.get<node::Unary>();
  return sign != nullptr && is_constant(*sign->operand);
}

bool assignable(const Expr& expr) {
  if (expr.get<node::Name>() != nullptr || expr.get<node::NamespaceRef>() != nullptr) return true;
  const auto* tuple = expr.get<node::Tuple>();
  if (tuple == nullptr) return false;
  return std::all_of(tuple->items.begin(), tuple->items.end(),
                     [](const ExprPtr& item) { return assignable(*item); });
}

}  // namespace

ExpressionParser::Nested::Nested(ExpressionParser& parser) : parser_(parser) {
  if (parser.nesting_ >= parser.limits_.max_nesting) {
    throw TemplateError(
        ErrorCode::kResourceExhausted,
        fmt::format("the template nests deeper than its limit of {} brackets and blocks",
                    parser.limits_.max_nesting),
        parser.tokens_.line());
  }
  ++parser.nesting_;
}

template <class Node>
ExprPtr ExpressionParser::make(int line, Node node) {
  auto expr = std::make_unique<Expr>();
  expr->line = line;
  expr->node = std::move(node);
  check_depth(*expr);
  return expr;
}

void ExpressionParser::check_depth(Expr& expr) {
  for_each_child(expr,
                 [&](const Expr& child) { expr.depth = std::max(expr.depth, child.depth + 1); });
  if (expr.depth > kMaxExpressionDepth) {
    throw TemplateError(
        ErrorCode::kResourceExhausted,
        fmt::format("an expression is longer than its limit of {} operations", kMaxExpressionDepth),
        expr.line);
  }
}

ExprPtr ExpressionParser::expression() { return condition(); }
ExprPtr ExpressionParser::expression_no_condition() { return disjunction(); }

ExprPtr ExpressionParser::condition() {
  Nested nested(*this);
  int line = tokens_.line();
  ExprPtr value = disjunction();
  while (tokens_.skip_name("if")) {
    ExprPtr test = disjunction();
    ExprPtr otherwise = tokens_.skip_name("else") ? condition() : nullptr;
    value = make(line, node::Conditional{std::move(test), std::move(value), std::move(otherwise)});
    line = tokens_.line();
  }
  return value;
}

ExprPtr ExpressionParser::disjunction() {
  int line = tokens_.line();
  ExprPtr left = conjunction();
  while (tokens_.skip_name("or")) {
    ExprPtr right = conjunction();
    left = make(line, node::Or{std::move(left), std::move(right)});
    line = tokens_.line();
  }
  return left;
}

ExprPtr ExpressionParser::conjunction() {
  int line = tokens_.line();
  ExprPtr left = negation();
  while (tokens_.skip_name("and")) {
    ExprPtr right = negation();
    left = make(line, node::And{std::move(left), std::move(right)});
    line = tokens_.line();
  }
  return left;
}

ExprPtr ExpressionParser::negation() {
  const int line = tokens_.line();
  if (!tokens_.skip_name("not")) return comparison();
  Nested nested(*this);
  return make(line, node::Unary{UnaryOp::kNot, negation()});
}

ExprPtr ExpressionParser::comparison() {
  static constexpr std::array<std::pair<std::string_view, CompareOp>, 6> kOperators = {{
      {"==", CompareOp::kEq},
      {"!=", CompareOp::kNe},
      {"<", CompareOp::kLt},
      {"<=", CompareOp::kLe},
      {">", CompareOp::kGt},
      {">=", CompareOp::kGe},
  }};
  const int line = tokens_.line();
  ExprPtr first = sum();
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
  for (;;) {
    const auto* op = std::find_if(kOperators.begin(), kOperators.end(),
                                  [&](const auto& o) { return tokens_.at_operator(o.first); });
    if (op != kOperators.end()) {
      tokens_.next();
      rest.emplace_back(op->second, sum());
    } else if (tokens_.skip_name("in")) {
      rest.emplace_back(CompareOp::kIn, sum());
    } else if (tokens_.at_name("not") && tokens_.look().is_name("in")) {
      tokens_.next();
      tokens_.next();
      rest.emplace_back(CompareOp::kNotIn, sum());
    } else {
      break;
    }
  }
  if (rest.empty()) return first;
  return make(line, node::Compare{std::move(first), std::move(rest)});
}

ExprPtr ExpressionParser::sum() {
  int line = tokens_.line();
  ExprPtr left = concat();
  while (tokens_.at_operator("+") || tokens_.at_operator("-")) {
    const BinaryOp op = tokens_.next().text == "+" ? BinaryOp::kAdd : BinaryOp::kSub;
    ExprPtr right = concat();
    left = make(line, node::Binary{op, std::move(left), std::move(right)});
    line = tokens_.line();
  }
  return left;
}

ExprPtr ExpressionParser::concat() {
  const int line = tokens_.line();
  std::vector<ExprPtr> parts;
  parts.push_back(product());
  while (tokens_.skip_operator("~")) parts.push_back(product());
  if (parts.size() == 1) return std::move(parts.front());
  return make(line, node::Concat{std::move(parts)});
}

ExprPtr ExpressionParser::product() {
  static constexpr std::array<std::pair<std::string_view, BinaryOp>, 4> kOperators = {{
      {"*", BinaryOp::kMul},
      {"/", BinaryOp::kDiv},
      {"//", BinaryOp::kFloorDiv},
      {"%", BinaryOp::kMod},
  }};
  int line = tokens_.line();
  ExprPtr left = power();
  for (;;) {
    const auto* op = std::find_if(kOperators.begin(), kOperators.end(),
                                  [&](const auto& o) { return tokens_.at_operator(o.first); });
    if (op == kOperators.end()) return left;
    tokens_.next();
    ExprPtr right = power();
    left = make(line, node::Binary{op->second, std::move(left), std::move(right)});
    line = tokens_.line();
  }
}

ExprPtr ExpressionParser::power() {
  int line = tokens_.line();
  ExprPtr left = unary(true);
  while (tokens_.skip_operator("**")) {  // to the left, unlike Python
    ExprPtr right = unary(true);
    // Jinja writes "-2 ** x" out for Python, where the power binds tighter than the sign; it does
    // not when both sides are constant, because it computes those itself.
    auto* sign = left->get<node::Unary>();
    const bool signed_constant = sign != nullptr && sign->op == UnaryOp::kNegative &&
                                 sign->operand->get<node::Constant>() != nullptr;
    if (signed_constant && !is_constant(*right)) {
      ExprPtr power =
          make(line, node::Binary{BinaryOp::kPow, std::move(sign->operand), std::move(right)});
      left = make(line, node::Unary{UnaryOp::kNegative, std::move(power)});
    } else {
      left = make(line, node::Binary{BinaryOp::kPow, std::move(left), std::move(right)});
    }
    line = tokens_.line();
  }
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filter) {
  Nested nested(*this);
  const int line = tokens_.line();
  ExprPtr value;
  if (tokens_.skip_operator("-")) {
    value = make(line, node::Unary{UnaryOp::kNegative, unary(false)});
  } else if (tokens_.skip_operator("+")) {
    value = make(line, node::Unary{UnaryOp::kPositive, unary(false)});
  } else {
    value = primary(false);
  }
  value = postfix(std::move(value));
  return with_filter ? filter_postfix(std::move(value)) : std::move(value);
}

ExprPtr ExpressionParser::primary(bool with_namespace) {
  const Token& token = tokens_.current();
  const int line = token.line;
  switch (token.kind) {
    case TokenKind::kName:
      return name_or_constant(with_namespace);
    case TokenKind::kString:
      return string_constant();
    case TokenKind::kInteger:
      return make(line, node::Constant{Value::integer(tokens_.next().integer)});
    case TokenKind::kFloat:
      return make(line, node::Constant{Value::real(tokens_.next().real)});
    default:
      break;
  }
  if (tokens_.skip_operator("(")) {
    ExprPtr value = tuple_of([&] { return expression(); }, true, {});
    tokens_.expect_operator(")");
    return value;
  }
  if (token.is_operator("[")) return list();
  if (token.is_operator("{")) return dict();
  tokens_.fail("expected an expression, found {}", TokenStream::describe(token));
}

ExprPtr ExpressionParser::name_or_constant(bool with_namespace) {
  const Token token = tokens_.next();
  const std::string& name = token.text;
  if (name == "true" || name == "True")
    return make(token.line, node::Constant{Value::boolean(true)});
  if (name == "false" || name == "False") {
    return make(token.line, node::Constant{Value::boolean(false)});
  }
  if (name == "none" || name == "None") return make(token.line, node::Constant{Value::none()});
  if (with_namespace && tokens_.skip_operator(".")) {
    const Token attribute = tokens_.expect(TokenKind::kName, "an attribute");
    return make(token.line, node::NamespaceRef{name, attribute.text});
  }
  return make(token.line, node::Name{name});
}

ExprPtr ExpressionParser::string_constant() {
  const int line = tokens_.line();
  std::string text;
  while (tokens_.at(TokenKind::kString)) text += tokens_.next().text;
  return make(line, node::Constant{Value::object(Kind::kString, std::make_shared<String>(text))});
}

bool ExpressionParser::at_tuple_end(std::string_view end) const {
  return tokens_.at(TokenKind::kVariableEnd) || tokens_.at(TokenKind::kBlockEnd) ||
         tokens_.at_operator(")") || (!end.empty() && tokens_.at_name(end));
}

template <class Parse>
ExprPtr ExpressionParser::tuple_of(Parse parse, bool in_parentheses, std::string_view end) {
  const int line = tokens_.line();
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (at_tuple_end(end)) break;
    items.push_back(parse());
    if (!tokens_.at_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items.front());
    if (!in_parentheses) {
      tokens_.fail("expected an expression, found {}", TokenStream::describe(tokens_.current()));
    }
  }
  return make(line, node::Tuple{std::move(items)});
}

ExprPtr ExpressionParser::tuple(bool with_condition, std::string_view end) {
  return tuple_of([&] { return with_condition ? condition() : disjunction(); }, false, end);
}

ExprPtr ExpressionParser::target(bool with_namespace, std::string_view end) {
  const int line = tokens_.line();
  ExprPtr value = tuple_of([&] { return primary(with_namespace); }, false, end);
  if (!assignable(*value)) TokenStream::fail_at(line, "cannot assign to this expression");
  return value;
}

std::string ExpressionParser::target_name() {
  const Token token = tokens_.expect(TokenKind::kName, "a name");
  static constexpr std::array<std::string_view, 6> kReserved = {"true", "false", "none",
                                                                "True", "False", "None"};
  if (std::find(kReserved.begin(), kReserved.end(), token.text) != kReserved.end()) {
    TokenStream::fail_at(token.line, "cannot assign to '{}'", token.text);
  }
  return token.text;
}

ExprPtr ExpressionParser::list() {
  const int line = tokens_.line();
  tokens_.expect_operator("[");
  std::vector<ExprPtr> items;
  while (!tokens_.at_operator("]")) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("]")) break;
    items.push_back(expression());
  }
  tokens_.expect_operator("]");
  return make(line, node::List{std::move(items)});
}

ExprPtr ExpressionParser::dict() {
  const int line = tokens_.line();
  tokens_.expect_operator("{");
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
  while (!tokens_.at_operator("}")) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("}")) break;
    ExprPtr key = expression();
    tokens_.expect_operator(":");
    ExprPtr value = expression();
    items.emplace_back(std::move(key), std::move(value));
  }
  tokens_.expect_operator("}");
  return make(line, node::Dict{std::move(items)});
}

ExprPtr ExpressionParser::postfix(ExprPtr operand) {
  for (;;) {
    if (tokens_.at_operator(".") || tokens_.at_operator("[")) {
      operand = subscript(std::move(operand));
    } else if (tokens_.at_operator("(")) {
      operand = call(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExprPtr ExpressionParser::filter_postfix(ExprPtr operand) {
  for (;;) {
    if (tokens_.at_operator("|")) {
      operand = filters(std::move(operand), false);
    } else if (tokens_.at_name("is")) {
      operand = test(std::move(operand));
    } else if (tokens_.at_operator("(")) {
      operand = call(std::move(operand));
    } else {
      return operand;
    }
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr object) {
  const Token token = tokens_.next();
  if (token.text == ".") {
    const Token name = tokens_.next();
    if (name.kind == TokenKind::kName) {
      return make(token.line, node::Attribute{std::move(object), name.text});
    }
    if (name.kind != TokenKind::kInteger) {
      TokenStream::fail_at(name.line, "expected a name or a number after '.'");
    }
    ExprPtr key = make(name.line, node::Constant{Value::integer(name.integer)});
    return make(token.line, node::Item{std::move(object), std::move(key)});
  }
  std::vector<ExprPtr> keys;
  bool sliced = false;
  while (!tokens_.at_operator("]")) {
    if (sliced) tokens_.fail("a slice cannot be one of several subscripts");
    if (!keys.empty()) tokens_.expect_operator(",");
    ExprPtr part = subscript_part(object);
    sliced = object == nullptr;
    if (sliced && !keys.empty()) tokens_.fail("a slice cannot be one of several subscripts");
    keys.push_back(std::move(part));
  }
  tokens_.expect_operator("]");
  if (sliced) return std::move(keys.front());
  if (keys.size() == 1)
    return make(token.line, node::Item{std::move(object), std::move(keys.front())});
  ExprPtr key = make(token.line, node::Tuple{std::move(keys)});
  return make(token.line, node::Item{std::move(object), std::move(key)});
}

// A key, or the whole slice: then `object` has moved into it.
ExprPtr ExpressionParser::subscript_part(ExprPtr& object) {
  const int line = tokens_.line();
  auto bound = [&]() -> ExprPtr {
    if (tokens_.at_operator(":") || tokens_.at_operator("]") || tokens_.at_operator(","))
      return nullptr;
    return expression();
  };
  ExprPtr start = bound();
  if (!tokens_.at_operator(":")) {
    if (start == nullptr) tokens_.fail("expected a subscript");
    return start;
  }
  tokens_.next();
  ExprPtr stop = bound();
  ExprPtr step = tokens_.skip_operator(":") ? bound() : nullptr;
  return make(line,
              node::Slice{std::move(object), std::move(start), std::move(stop), std::move(step)});
}

CallArgs ExpressionParser::call_args() {
  CallArgs args;
  std::set<std::string> seen;
  const int line = tokens_.line();
  auto ensure = [&](bool ok) {
    if (!ok) TokenStream::fail_at(line, "the arguments of a call are in the wrong order");
  };
  tokens_.expect_operator("(");
  for (bool first = true; !tokens_.at_operator(")"); first = false) {
    if (!first) {
      tokens_.expect_operator(",");
      if (tokens_.at_operator(")")) break;
    }
    if (tokens_.skip_operator("*")) {
      ensure(args.star == nullptr && args.double_star == nullptr);
      args.star = expression();
    } else if (tokens_.skip_operator("**")) {
      ensure(args.double_star == nullptr);
      args.double_star = expression();
    } else if (tokens_.at(TokenKind::kName) && tokens_.look().is_operator("=")) {
      ensure(args.double_star == nullptr);
      std::string name = tokens_.next().text;
      tokens_.next();
      if (!seen.insert(name).second) tokens_.fail("the argument '{}' is given twice", name);
      args.keyword.emplace_back(std::move(name), expression());
    } else {
      ensure(args.star == nullptr && args.double_star == nullptr && args.keyword.empty());
      args.positional.push_back(expression());
    }
  }
  tokens_.expect_operator(")");
  return args;
}

ExprPtr ExpressionParser::call(ExprPtr callee) {
  const int line = tokens_.line();
  CallArgs args = call_args();
  return make(line, node::Call{std::move(callee), std::move(args)});
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.expect(TokenKind::kName, "a name").text;
  while (tokens_.skip_operator(".")) {
    name += '.';
    name += tokens_.expect(TokenKind::kName, "a name").text;
  }
  return name;
}

ExprPtr ExpressionParser::filters(ExprPtr operand, bool first_without_pipe) {
  while (first_without_pipe || tokens_.skip_operator("|")) {
    first_without_pipe = false;
    const int line = tokens_.line();
    std::string name = dotted_name();
    CallArgs args;
    if (tokens_.at_operator("(")) args = call_args();
    operand = make(line, node::Filter{std::move(operand), std::move(name), std::move(args)});
  }
  return operand;
}

ExprPtr ExpressionParser::test(ExprPtr operand) {
  const int line = tokens_.next().line;
  const bool negated = tokens_.skip_name("not");
  std::string name = dotted_name();
  CallArgs args;
  const TokenKind kind = tokens_.current().kind;
  const bool literal = kind == TokenKind::kName || kind == TokenKind::kString ||
                       kind == TokenKind::kInteger || kind == TokenKind::kFloat ||
                       tokens_.at_operator("[") || tokens_.at_operator("{");
  if (tokens_.at_operator("(")) {
    args = call_args();
  } else if (literal && !tokens_.at_any_name({"else", "or", "and"})) {
    if (tokens_.at_name("is")) tokens_.fail("tests cannot be chained with 'is'");
    args.positional.push_back(postfix(primary(false)));
  }
  ExprPtr value = make(line, node::Test{std::move(operand), std::move(name), std::move(args)});
  return negated ? make(line, node::Unary{UnaryOp::kNot, std::move(value)}) : std::move(value);
}

}  // namespace chitu::jinja
