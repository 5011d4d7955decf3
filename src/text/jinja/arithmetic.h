// + - * / // % ** as Python defines them over numbers, strings and lists. Integers have 64 bits
// here: a result that does not fit is an error, never a wrong number.
#pragma once

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace chitu::jinja {

Value binary(BinaryOp op, const Value& a, const Value& b, Runtime& rt);
Value unary(UnaryOp op, const Value& a, Runtime& rt);

}  // namespace chitu::jinja
