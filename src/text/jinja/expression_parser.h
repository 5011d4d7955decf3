// Parses expressions; the statement parser (parser.cc) drives it.
#pragma once

#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/limits.h"
#include "text/jinja/token_stream.h"

namespace chitu::jinja {

class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, const Limits& limits) : tokens_(tokens), limits_(limits) {}

  ExprPtr expression();               // with an inline if
  ExprPtr expression_no_condition();  // without
  // One expression, or several with commas between as a tuple. `end`: a name that may end it.
  ExprPtr tuple(bool with_condition = true, std::string_view end = {});
  // What may stand left of `=` or between `for` and `in`.
  ExprPtr target(bool with_namespace, std::string_view end = {});
  std::string target_name();
  ExprPtr filters(ExprPtr operand, bool first_without_pipe);

  int nesting() const { return nesting_; }

  // One level of brackets or blocks, within the limit.
  class Nested {
   public:
    explicit Nested(ExpressionParser& parser);
    ~Nested() { --parser_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    ExpressionParser& parser_;
  };

 private:
  ExprPtr condition();
  ExprPtr disjunction();
  ExprPtr conjunction();
  ExprPtr negation();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concat();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter);
  ExprPtr primary(bool with_namespace);
  ExprPtr name_or_constant(bool with_namespace);
  ExprPtr string_constant();
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr operand);
  ExprPtr filter_postfix(ExprPtr operand);
  ExprPtr subscript(ExprPtr object);
  ExprPtr subscript_part(ExprPtr& object);
  ExprPtr call(ExprPtr callee);
  ExprPtr test(ExprPtr operand);
  CallArgs call_args();
  std::string dotted_name();
  bool at_tuple_end(std::string_view end) const;

  template <class Parse>
  ExprPtr tuple_of(Parse parse, bool in_parentheses, std::string_view end);

  template <class Node>
  ExprPtr make(int line, Node node);
  void check_depth(Expr& expr);

  TokenStream& tokens_;
  const Limits& limits_;
  int nesting_ = 0;
};

}  // namespace chitu::jinja
