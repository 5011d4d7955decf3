#include "text/jinja/parser.h"

#include <array>
#include <set>
#include <utility>

#include "text/jinja/expression_parser.h"
#include "text/jinja/lexer.h"

namespace chitu::jinja {
namespace {

using Names = std::initializer_list<std::string_view>;

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Limits& limits)
      : tokens_(std::move(tokens)), expressions_(tokens_, limits) {}

  Block run() {
    Block body = block({});
    return body;
  }

 private:
  using StatementParser = Stmt::Node (Parser::*)();

  template <class Node>
  static std::unique_ptr<Stmt> make(int line, Node node) {
    return std::make_unique<Stmt>(Stmt{line, std::move(node)});
  }

  // Statements up to a tag named in `ends`, which stays current; without `ends`, the whole
  // template.
  Block block(Names ends) {
    ExpressionParser::Nested nested(expressions_);
    Block body;
    while (!tokens_.at(TokenKind::kEnd)) {
      const int line = tokens_.line();
      if (tokens_.at(TokenKind::kData)) {
        body.push_back(make(line, node::Text{tokens_.next().text}));
      } else if (tokens_.at(TokenKind::kVariableBegin)) {
        tokens_.next();
        body.push_back(make(line, node::Output{expressions_.tuple()}));
        tokens_.expect(TokenKind::kVariableEnd, "'}}'");
      } else {
        tokens_.expect(TokenKind::kBlockBegin, "a tag");
        if (tokens_.at_any_name(ends)) return body;
        statement(body, ends);
        tokens_.expect(TokenKind::kBlockEnd, "'%}'");
      }
    }
    if (ends.size() > 0) {
      tokens_.fail("the template ends before '{}'", std::data(ends)[ends.size() - 1]);
    }
    return body;
  }

  // The body of a statement: the rest of its tag, then statements up to `ends`.
  Block body_until(Names ends) {
    tokens_.skip_operator(":");
    tokens_.expect(TokenKind::kBlockEnd, "'%}'");
    return block(ends);
  }
  Block body_through(std::string_view end) {
    Block body = body_until({end});
    tokens_.next();
    return body;
  }

  void statement(Block& body, Names ends) {
    static constexpr std::array<std::pair<std::string_view, StatementParser>, 10> kStatements = {{
        {"if", &Parser::if_statement},
        {"for", &Parser::for_loop},
        {"set", &Parser::set},
        {"macro", &Parser::macro},
        {"call", &Parser::call_block},
        {"filter", &Parser::filter_block},
        {"with", &Parser::with},
        {"generation", &Parser::generation},
        {"break", &Parser::break_loop},
        {"continue", &Parser::continue_loop},
    }};
    static constexpr std::array<std::string_view, 6> kOneFileOnly = {
        "include", "import", "from", "extends", "block", "autoescape"};
    const int line = tokens_.line();
    if (!tokens_.at(TokenKind::kName)) tokens_.fail("expected the name of a tag after '{{%'");
    const Token name = tokens_.next();
    if (name.text == "print") return print(line, body);
    for (const auto& [keyword, parser] : kStatements) {
      if (keyword == name.text) {
        Stmt::Node node = (this->*parser)();
        body.push_back(std::make_unique<Stmt>(Stmt{line, std::move(node)}));
        return;
      }
    }
    for (const std::string_view keyword : kOneFileOnly) {
      if (keyword == name.text) {
        throw TemplateError(ErrorCode::kUnsupported,
                            fmt::format("{{% {} %}} is not supported in a chat template", keyword),
                            line);
      }
    }
    if (ends.size() == 0) TokenStream::fail_at(line, "unknown tag '{}'", name.text);
    TokenStream::fail_at(line, "unknown tag '{}'; '{}' is expected here", name.text,
                         std::data(ends)[ends.size() - 1]);
  }

  void print(int line, Block& body) {
    for (bool first = true; !tokens_.at(TokenKind::kBlockEnd); first = false) {
      if (!first) tokens_.expect_operator(",");
      body.push_back(make(line, node::Output{expressions_.expression()}));
    }
  }

  Stmt::Node if_statement() {
    node::If node;
    for (;;) {
      ExprPtr condition = expressions_.tuple(false);
      Block body = body_until({"elif", "else", "endif"});
      node.branches.emplace_back(std::move(condition), std::move(body));
      const Token end = tokens_.next();
      if (end.text == "elif") continue;
      if (end.text == "else") node.otherwise = body_through("endif");
      return node;
    }
  }

  Stmt::Node for_loop() {
    node::For node;
    node.target = expressions_.target(false, "in");
    tokens_.expect_name("in");
    node.iterable = expressions_.tuple(false, "recursive");
    if (tokens_.skip_name("if")) node.filter = expressions_.expression();
    node.recursive = tokens_.skip_name("recursive");
    node.body = body_until({"endfor", "else"});
    if (tokens_.next().text == "else") node.otherwise = body_through("endfor");
    return node;
  }

  Stmt::Node set() {
    ExprPtr target = expressions_.target(true);
    if (tokens_.skip_operator("=")) {
      ExprPtr value = expressions_.tuple();
      return node::Set{std::move(target), std::move(value)};
    }
    ExprPtr filter;
    if (tokens_.at_operator("|")) filter = expressions_.filters(nullptr, false);
    Block body = body_through("endset");
    return node::SetBlock{std::move(target), std::move(filter), std::move(body), {}};
  }

  Stmt::Node with() {
    node::With node;
    while (!tokens_.at(TokenKind::kBlockEnd)) {
      if (!node.assignments.empty()) tokens_.expect_operator(",");
      ExprPtr target = expressions_.target(false);
      tokens_.expect_operator("=");
      ExprPtr value = expressions_.expression();
      node.assignments.emplace_back(std::move(target), std::move(value));
    }
    node.body = body_through("endwith");
    return node;
  }

  void signature(node::MacroDef& macro) {
    std::set<std::string> seen;
    tokens_.expect_operator("(");
    while (!tokens_.at_operator(")")) {
      if (!macro.parameters.empty()) tokens_.expect_operator(",");
      std::string name = expressions_.target_name();
      if (!seen.insert(name).second) tokens_.fail("the parameter '{}' appears twice", name);
      macro.explicit_caller |= name == "caller";
      macro.parameters.push_back(std::move(name));
      if (tokens_.skip_operator("=")) {
        macro.defaults.push_back(expressions_.expression());
      } else if (!macro.defaults.empty()) {
        tokens_.fail("a parameter without a default follows one with a default");
      }
    }
    tokens_.expect_operator(")");
  }

  Stmt::Node macro() {
    node::MacroDef node;
    node.name = expressions_.target_name();
    signature(node);
    node.body = body_through("endmacro");
    return node;
  }

  Stmt::Node call_block() {
    node::CallBlock node;
    const int line = tokens_.line();
    if (tokens_.at_operator("(")) signature(node.caller);
    node.call = expressions_.expression();
    if (node.call->get<node::Call>() == nullptr) {
      TokenStream::fail_at(line, "{{% call %}} needs the call of a macro");
    }
    node.caller.body = body_through("endcall");
    return node;
  }

  Stmt::Node filter_block() {
    node::FilterBlock node;
    node.filter = expressions_.filters(nullptr, true);
    node.body = body_through("endfilter");
    return node;
  }

  Stmt::Node generation() {
    node::Generation node;
    node.body.body = body_through("endgeneration");
    return node;
  }

  Stmt::Node break_loop() { return node::Break{}; }
  Stmt::Node continue_loop() { return node::Continue{}; }

  TokenStream tokens_;
  ExpressionParser expressions_;
};

}  // namespace

Tree parse(std::string_view source, const Limits& limits) {
  if (source.size() > static_cast<size_t>(limits.max_source_bytes)) {
    fail_limit("the template has {} bytes, past its limit of {}", source.size(),
               limits.max_source_bytes);
  }
  return {.body = Parser(tokenize(source), limits).run(), .scope = {}};
}

}  // namespace chitu::jinja
