#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>

#include "text/jinja/arithmetic.h"
#include "text/jinja/bound.h"
#include "text/jinja/filters.h"
#include "text/jinja/text_search.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

constexpr double kTwo63 = 9223372036854775808.0;

// Digits with single underscores between them, as int() and float() accept; nullopt otherwise.
std::optional<std::string> without_underscores(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '_') {
      out += s[i];
      continue;
    }
    const bool between = i > 0 && i + 1 < s.size() &&
                         std::isalnum(static_cast<unsigned char>(s[i - 1])) != 0 &&
                         std::isalnum(static_cast<unsigned char>(s[i + 1])) != 0;
    if (!between) return std::nullopt;
  }
  return out;
}

// int(text, base) of Python; nullopt for ValueError.
std::optional<int64_t> parse_int(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  const std::string_view s = strip(text, Side::kBoth);
  std::string_view body = s;
  const bool negative = body.starts_with('-');
  if (negative || body.starts_with('+')) body.remove_prefix(1);
  const char mark = body.size() > 1 && body[0] == '0' ? static_cast<char>(body[1] | 0x20) : '\0';
  const int64_t marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
  if (marked != 0 && (base == 0 || base == marked)) {
    base = marked;
    body.remove_prefix(2);
    if (body.starts_with('_')) body.remove_prefix(1);
  } else if (base == 0) {
    base = 10;
    if (body.size() > 1 && body[0] == '0' &&
        body.find_first_not_of("0_") != std::string_view::npos) {
      return std::nullopt;
    }
  }
  const auto digits = without_underscores(body);
  if (!digits || digits->empty() || digits->front() == '-' || digits->front() == '+')
    return std::nullopt;
  uint64_t magnitude = 0;
  const char* end = digits->data() + digits->size();
  const auto [stop, error] =
      std::from_chars(digits->data(), end, magnitude, static_cast<int>(base));
  if (stop != end || error == std::errc::invalid_argument) return std::nullopt;
  const uint64_t limit =
      static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  if (error == std::errc::result_out_of_range || magnitude > limit) {
    fail_unsupported("the integer '{}' does not fit into 64 bits", text);
  }
  return static_cast<int64_t>(negative ? -magnitude : magnitude);
}

// float(text) of Python; nullopt for ValueError.
std::optional<double> parse_float(std::string_view text) {
  const auto s = without_underscores(strip(text, Side::kBoth));
  if (!s || s->empty()) return std::nullopt;
  std::string_view body = *s;
  if (body.front() == '-' || body.front() == '+') body.remove_prefix(1);
  const std::string lower = to_lower(body);
  if (lower == "inf" || lower == "infinity" || lower == "nan")
    return std::strtod(s->c_str(), nullptr);
  // strtod also reads hexadecimal and other words, which Python does not.
  if (body.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(s->c_str(), &end);
  if (end != s->c_str() + s->size()) return std::nullopt;
  return value;
}

// int(d); nullopt for infinities and NaN.
std::optional<int64_t> truncated(double d) {
  if (!std::isfinite(d)) return std::nullopt;
  const double whole = std::trunc(d);
  if (whole < -kTwo63 || whole >= kTwo63) fail_unsupported("an integer does not fit into 64 bits");
  return static_cast<int64_t>(whole);
}

Value int_filter(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("int", args, {"default", "base"}, 0);
  const Value fallback = bound.given(0) ? *bound[0] : Value::integer(0);
  if (operand.is_undefined()) fail("{}", undefined_message(operand));
  if (operand.is_integral()) return Value::integer(operand.as_int());
  if (operand.is(Kind::kFloat)) {
    const double d = operand.as_float();
    if (std::isinf(d)) fail("infinity has no integer");
    const auto i = truncated(d);
    return i ? Value::integer(*i) : fallback;
  }
  if (!operand.is_string()) return fallback;
  rt.meter().scan(operand.text().size() * 16);
  if (const auto i = parse_int(operand.text(), bound.integer(1, 10))) return Value::integer(*i);
  const auto d = parse_float(operand.text());
  const auto i = d ? truncated(*d) : std::nullopt;
  return i ? Value::integer(*i) : fallback;
}

Value float_filter(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("float", args, {"default"}, 0);
  if (operand.is_undefined()) fail("{}", undefined_message(operand));
  if (operand.is_number()) return Value::real(operand.as_number());
  if (operand.is_string()) {
    rt.meter().scan(operand.text().size() * 16);
    if (const auto d = parse_float(operand.text())) return Value::real(*d);
  }
  return bound.given(0) ? *bound[0] : Value::real(0);
}

Value abs_filter(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("abs", args);
  if (!operand.is_number()) fail("abs needs a number, not {}", type_name(operand));
  if (operand.is(Kind::kFloat)) return Value::real(std::fabs(operand.as_float()));
  return operand.as_int() < 0 ? unary(UnaryOp::kNegative, operand, rt)
                              : Value::integer(operand.as_int());
}

// round(d, digits) of Python: the decimal is rounded half to even on the exact binary value.
double round_float(double d, int64_t digits) {
  if (!std::isfinite(d) || digits > 323) return d;
  if (digits < -308) return std::copysign(0.0, d);
  char buffer[720];
  if (digits >= 0) {
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), d);
    return std::strtod(buffer, nullptr);
  }
  std::snprintf(buffer, sizeof buffer, "%.17e", d);
  const int64_t exponent =
      std::atoi(std::string(buffer).substr(std::string(buffer).find('e') + 1).c_str());
  const int64_t precision = exponent + digits;
  if (precision >= 0) {
    std::snprintf(buffer, sizeof buffer, "%.*e", static_cast<int>(precision), d);
    return std::strtod(buffer, nullptr);
  }
  const double half = 5 * std::pow(10.0, static_cast<double>(-digits - 1));
  return std::copysign(std::fabs(d) > half ? std::pow(10.0, static_cast<double>(-digits)) : 0.0, d);
}

// round(i, digits) with negative digits: to a multiple of a power of ten, half to even.
int64_t round_integer(int64_t i, int64_t digits) {
  if (digits >= 0) return i;
  if (digits < -18) return 0;
  int64_t unit = 1;
  for (int64_t n = digits; n < 0; ++n) unit *= 10;
  int64_t low = i % unit;
  if (low < 0) low += unit;
  int64_t result = 0;
  if (__builtin_sub_overflow(i, low, &result))
    fail_unsupported("an integer does not fit into 64 bits");
  const bool odd = (result / unit) % 2 != 0;
  if (low > unit - low || (low == unit - low && odd)) {
    if (__builtin_add_overflow(result, unit, &result)) {
      fail_unsupported("an integer does not fit into 64 bits");
    }
  }
  return result;
}

Value round_filter(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("round", args, {"precision", "method"}, 0);
  const std::string_view method = bound.text_or(1, "common");
  if (method != "common" && method != "ceil" && method != "floor") {
    fail("round(): the method must be common, ceil or floor");
  }
  if (operand.is_undefined()) fail("{}", undefined_message(operand));
  if (!operand.is_number()) fail("round needs a number, not {}", type_name(operand));
  if (method == "common") {
    const bool whole = bound.given(0) && bound[0]->is_none();
    const int64_t digits = whole ? 0 : bound.integer(0, 0);
    if (operand.is_integral()) return Value::integer(round_integer(operand.as_int(), digits));
    const double rounded = round_float(operand.as_float(), digits);
    if (!whole) return Value::real(rounded);
    const auto i = truncated(rounded);
    if (!i) fail("{} has no integer", operand.as_float());
    return Value::integer(*i);
  }
  const Value precision = bound.given(0) ? *bound[0] : Value::integer(0);
  const Value scale = binary(BinaryOp::kPow, Value::integer(10), precision, rt);
  const Value scaled = binary(BinaryOp::kMul, operand, scale, rt);
  if (scaled.is_integral()) return binary(BinaryOp::kDiv, scaled, scale, rt);
  const double d = scaled.as_float();
  const auto i = truncated(method == "ceil" ? std::ceil(d) : std::floor(d));
  if (!i) fail("round(): {} has no integer", d);
  return binary(BinaryOp::kDiv, Value::integer(*i), scale, rt);
}

Value filesizeformat(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("filesizeformat", args, {"binary"}, 0);
  double bytes = 0;
  if (operand.is_string()) rt.meter().scan(operand.text().size() * 16);
  if (operand.is_number()) {
    bytes = operand.as_number();
  } else if (const auto d = operand.is_string() ? parse_float(operand.text()) : std::nullopt) {
    bytes = *d;
  } else {
    fail("filesizeformat needs a number, not {}", type_name(operand));
  }
  const bool is_binary = bound.truth(0, false);
  const double base = is_binary ? 1024 : 1000;
  if (bytes == 1) return rt.string("1 Byte");
  if (bytes < base) return rt.string(fmt::format("{} Bytes", truncated(bytes).value_or(0)));
  static constexpr std::string_view kUnits = "kMGTPEZY";
  double unit = base;
  for (const char prefix : kUnits) {
    unit *= base;
    if (bytes >= unit && prefix != 'Y') continue;
    const std::string name = is_binary ? std::string(1, prefix == 'k' ? 'K' : prefix) + "iB"
                                       : std::string(1, prefix) + "B";
    return rt.string(fmt::format("{:.1f} {}", base * bytes / unit, name));
  }
  return rt.string("");
}

constexpr std::array<FilterEntry, 5> kFilters = {{
    {"abs", abs_filter},
    {"filesizeformat", filesizeformat},
    {"float", float_filter},
    {"int", int_filter},
    {"round", round_filter},
}};

}  // namespace

std::span<const FilterEntry> number_filters() { return kFilters; }

}  // namespace chitu::jinja
