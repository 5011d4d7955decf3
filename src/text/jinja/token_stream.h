// The parser's view of the tokens.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "text/jinja/error.h"
#include "text/jinja/token.h"

namespace chitu::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[pos_]; }
  const Token& look() const { return tokens_[std::min(pos_ + 1, tokens_.size() - 1)]; }
  int line() const { return current().line; }
  bool at(TokenKind kind) const { return current().kind == kind; }
  bool at_operator(std::string_view op) const { return current().is_operator(op); }
  bool at_name(std::string_view name) const { return current().is_name(name); }
  bool at_any_name(std::initializer_list<std::string_view> names) const {
    return std::any_of(names.begin(), names.end(), [&](auto n) { return at_name(n); });
  }

  Token next() {
    Token token = current();
    if (pos_ + 1 < tokens_.size()) ++pos_;
    return token;
  }
  bool skip_operator(std::string_view op) { return at_operator(op) && (next(), true); }
  bool skip_name(std::string_view name) { return at_name(name) && (next(), true); }

  Token expect(TokenKind kind, std::string_view what) {
    if (!at(kind)) fail("expected {}, found {}", what, describe(current()));
    return next();
  }
  void expect_operator(std::string_view op) {
    if (!skip_operator(op)) fail("expected '{}', found {}", op, describe(current()));
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) fail("expected '{}', found {}", name, describe(current()));
  }

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    fail_at(line(), format, std::forward<Args>(args)...);
  }
  template <class... Args>
  [[noreturn]] static void fail_at(int line, fmt::format_string<Args...> format, Args&&... args) {
    throw TemplateError(ErrorCode::kCorrupt, fmt::format(format, std::forward<Args>(args)...),
                        line);
  }

  static std::string describe(const Token& token) {
    switch (token.kind) {
      case TokenKind::kEnd:
        return "the end of the template";
      case TokenKind::kData:
        return "text";
      case TokenKind::kVariableBegin:
        return "'{{'";
      case TokenKind::kVariableEnd:
        return "'}}'";
      case TokenKind::kBlockBegin:
        return "'{%'";
      case TokenKind::kBlockEnd:
        return "'%}'";
      case TokenKind::kString:
        return "a string";
      case TokenKind::kInteger:
      case TokenKind::kFloat:
        return "a number";
      case TokenKind::kName:
      case TokenKind::kOperator:
        return fmt::format("'{}'", token.text);
    }
    return "a token";
  }

 private:
  std::vector<Token> tokens_;  // the last is kEnd
  size_t pos_ = 0;
};

}  // namespace chitu::jinja
