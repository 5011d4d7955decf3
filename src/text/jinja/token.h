// What the lexer hands to the parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace chitu::jinja {

enum class TokenKind : uint8_t {
  kEnd,
  kData,           // text: between tags, trimmed as the tags around it ask
  kVariableBegin,  // {{
  kVariableEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,  // text: unescaped
  kInteger,
  kFloat,
  kOperator,  // text: "+", "**", "(", ...
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  std::string text;
  int64_t integer = 0;
  double real = 0;

  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
  bool is_operator(std::string_view op) const { return kind == TokenKind::kOperator && text == op; }
};

}  // namespace chitu::jinja
