#include "text/jinja/arithmetic.h"

#include <cmath>
#include <limits>

#include "text/jinja/compare.h"
#include "text/jinja/escape.h"
#include "text/jinja/printf.h"

namespace chitu::jinja {
namespace {

std::string_view symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSub:
      return "-";
    case BinaryOp::kMul:
      return "*";
    case BinaryOp::kDiv:
      return "/";
    case BinaryOp::kFloorDiv:
      return "//";
    case BinaryOp::kMod:
      return "%";
    case BinaryOp::kPow:
      return "**";
  }
  return "?";
}

[[noreturn]] void fail_overflow() { fail_unsupported("an integer does not fit into 64 bits"); }

[[noreturn]] void fail_zero() { fail("division by zero"); }

int64_t floor_div(int64_t a, int64_t b) {
  if (b == 0) fail_zero();
  if (a == std::numeric_limits<int64_t>::min() && b == -1) fail_overflow();
  const int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

int64_t floor_mod(int64_t a, int64_t b) {
  if (b == 0) fail_zero();
  if (b == -1) return 0;
  const int64_t r = a % b;
  return (r != 0 && (r < 0) != (b < 0)) ? r + b : r;
}

int64_t multiply(int64_t a, int64_t b) {
  int64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) fail_overflow();
  return r;
}

int64_t integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0) result = multiply(result, base);
    exponent >>= 1;
    if (exponent > 0) base = multiply(base, base);
  }
  return result;
}

double float_power(double a, double b) {
  if (a == 0 && b < 0) fail("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b)) {
    fail_unsupported("a negative number to a broken power is complex");
  }
  const double r = std::pow(a, b);
  if (std::isinf(r) && std::isfinite(a) && std::isfinite(b)) fail("the result of ** is too large");
  return r;
}

double float_mod(double a, double b) {
  if (b == 0) fail_zero();
  double r = std::fmod(a, b);
  if (r != 0 && (r < 0) != (b < 0)) r += b;
  return r == 0 ? std::copysign(0.0, b) : r;
}

// As CPython computes it, so that the result is a whole number near a / b.
double float_floor_div(double a, double b) {
  const double mod = float_mod(a, b);
  const double div = (a - mod) / b;
  if (div == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(div);
  return div - floored > 0.5 ? floored + 1 : floored;
}

Value integer_binary(BinaryOp op, int64_t a, int64_t b) {
  int64_t r = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOp::kAdd:
      overflow = __builtin_add_overflow(a, b, &r);
      break;
    case BinaryOp::kSub:
      overflow = __builtin_sub_overflow(a, b, &r);
      break;
    case BinaryOp::kMul:
      r = multiply(a, b);
      break;
    case BinaryOp::kFloorDiv:
      r = floor_div(a, b);
      break;
    case BinaryOp::kMod:
      r = floor_mod(a, b);
      break;
    case BinaryOp::kDiv:
      if (b == 0) fail_zero();
      // Rounded once: the quotient of two 64-bit integers in 64 bits of mantissa, then to double.
      return Value::real(
          static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
    case BinaryOp::kPow:
      if (b < 0) return Value::real(float_power(static_cast<double>(a), static_cast<double>(b)));
      r = integer_power(a, b);
      break;
  }
  if (overflow) fail_overflow();
  return Value::integer(r);
}

Value float_binary(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::real(a + b);
    case BinaryOp::kSub:
      return Value::real(a - b);
    case BinaryOp::kMul:
      return Value::real(a * b);
    case BinaryOp::kDiv:
      if (b == 0) fail_zero();
      return Value::real(a / b);
    case BinaryOp::kFloorDiv:
      return Value::real(float_floor_div(a, b));
    case BinaryOp::kMod:
      return Value::real(float_mod(a, b));
    case BinaryOp::kPow:
      return Value::real(float_power(a, b));
  }
  return Value();
}

Value repeat(const Value& value, int64_t times, Runtime& rt) {
  const auto n = static_cast<size_t>(std::max<int64_t>(times, 0));
  const size_t unit =
      value.is_string() ? value.text().size() : value.items().size() * sizeof(Value);
  size_t total = 0;
  if (__builtin_mul_overflow(unit, n, &total)) total = std::numeric_limits<size_t>::max();
  rt.meter().require(total);
  if (value.is_string()) {
    std::string out;
    if (unit > 0) out.reserve(total);
    for (size_t i = 0; unit > 0 && i < n; ++i) out += value.text();
    return rt.string(std::move(out), value.is_markup());
  }
  std::vector<Value> out;
  for (size_t i = 0; unit > 0 && i < n; ++i) {
    out.insert(out.end(), value.items().begin(), value.items().end());
  }
  return rt.sequence(value.kind(), std::move(out));
}

Value concatenate(const Value& a, const Value& b, Runtime& rt) {
  if (a.is_string()) {
    rt.meter().require(a.text().size() + b.text().size());
    if (a.is_markup() == b.is_markup()) return rt.string(a.text() + b.text(), a.is_markup());
    // Marked text escapes what it is joined with.
    return rt.string(
        a.is_markup() ? a.text() + escape_html(b.text()) : escape_html(a.text()) + b.text(), true);
  }
  rt.meter().require((a.items().size() + b.items().size()) * sizeof(Value));
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return rt.sequence(a.kind(), std::move(items));
}

bool repeatable(const Value& v) { return v.is_string() || v.is_sequence(); }

}  // namespace

Value binary(BinaryOp op, const Value& a, const Value& b, Runtime& rt) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return integer_binary(op, a.as_int(), b.as_int());
    return float_binary(op, a.as_number(), b.as_number());
  }
  if (op == BinaryOp::kMod && a.is_string()) return format_printf(a, b, rt);
  if (a.is_undefined()) fail("{}", undefined_message(a));
  if (b.is_undefined()) fail("{}", undefined_message(b));
  if (op == BinaryOp::kAdd && a.kind() == b.kind() && repeatable(a)) return concatenate(a, b, rt);
  if (op == BinaryOp::kMul && repeatable(a) && b.is_integral()) return repeat(a, b.as_int(), rt);
  if (op == BinaryOp::kMul && repeatable(b) && a.is_integral()) return repeat(b, a.as_int(), rt);
  fail("'{}' cannot be applied to {} and {}", symbol(op), type_name(a), type_name(b));
}

Value unary(UnaryOp op, const Value& a, Runtime&) {
  if (op == UnaryOp::kNot) return Value::boolean(!truthy(a));
  if (a.is_undefined()) fail("{}", undefined_message(a));
  if (!a.is_number()) fail("a {} has no sign", type_name(a));
  if (a.is(Kind::kFloat))
    return Value::real(op == UnaryOp::kNegative ? -a.as_float() : a.as_float());
  if (op == UnaryOp::kPositive) return Value::integer(a.as_int());
  if (a.as_int() == std::numeric_limits<int64_t>::min()) fail_overflow();
  return Value::integer(-a.as_int());
}

}  // namespace chitu::jinja
