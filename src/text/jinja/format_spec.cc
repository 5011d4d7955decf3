#include "text/jinja/format_spec.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

constexpr int64_t kMaxPrecision = 1000;

std::string pad(std::string_view sign_and_prefix, std::string_view body, char align,
                const FormatSpec& spec, Runtime& rt) {
  const int64_t size = count_code_points(sign_and_prefix) + count_code_points(body);
  const int64_t missing = std::max<int64_t>(spec.width - size, 0);
  rt.meter().require(static_cast<size_t>(missing) * spec.fill.size());
  rt.meter().scan(static_cast<size_t>(missing));
  const int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string out;
  auto fill = [&](int64_t n) {
    for (; n > 0; --n) out += spec.fill;
  };
  if (align == '=') {
    out += sign_and_prefix;
    fill(missing);
    out += body;
    return out;
  }
  fill(left);
  out += sign_and_prefix;
  out += body;
  fill(missing - left);
  return out;
}

// Separators between groups of digits in the whole part; with '=' padding by zeros the zeros are
// grouped too, so the width is met with them.
std::string group(std::string_view digits, char separator, size_t every, int64_t min_width) {
  size_t count = digits.size();
  while (static_cast<int64_t>(count + (count - 1) / every) < min_width) ++count;
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && (count - i) % every == 0) out += separator;
    out += i < count - digits.size() ? '0' : digits[i - (count - digits.size())];
  }
  return out;
}

std::string apply_grouping(std::string_view number, const FormatSpec& spec, size_t every,
                           size_t prefix) {
  if (spec.grouping == 0) return std::string(number);
  const size_t end = number.find_first_of(".e%");
  const std::string_view whole = number.substr(0, end);
  const std::string_view rest = end == std::string_view::npos ? "" : number.substr(end);
  const bool zeros = spec.align == '=' && spec.fill == "0";
  const int64_t width =
      zeros ? std::min<int64_t>(spec.width, 4096) - static_cast<int64_t>(rest.size() + prefix) : 0;
  return group(whole, spec.grouping, every, width) + std::string(rest);
}

std::string sign_of(bool negative, char sign) {
  if (negative) return "-";
  return sign == '-' ? "" : std::string(1, sign);
}

std::string print_float(double magnitude, char type, int64_t precision, bool alternate) {
  const std::string format = std::string(alternate ? "%#.*" : "%.*") + type;
  const int n = std::snprintf(nullptr, 0, format.c_str(), static_cast<int>(precision), magnitude);
  std::string out(static_cast<size_t>(n) + 1, '\0');
  std::snprintf(out.data(), out.size(), format.c_str(), static_cast<int>(precision), magnitude);
  out.pop_back();
  return out;
}

// No type but a precision: like 'g', with at least one digit behind the point.
std::string print_general(double magnitude, int64_t precision) {
  precision = std::max<int64_t>(precision, 1);
  std::string e = print_float(magnitude, 'e', precision - 1, false);
  const int exponent = std::atoi(e.c_str() + e.find('e') + 1);
  if (exponent < -4 || exponent >= precision - 1) {
    std::string mantissa = e.substr(0, e.find('e'));
    if (mantissa.find('.') != std::string::npos) {
      mantissa.erase(mantissa.find_last_not_of('0') + 1);
      if (mantissa.back() == '.') mantissa.pop_back();
    }
    return mantissa + e.substr(e.find('e'));
  }
  std::string fixed = print_float(magnitude, 'g', precision, false);
  if (fixed.find('.') == std::string::npos) fixed += ".0";
  return fixed;
}

std::string float_digits(double magnitude, const FormatSpec& spec) {
  if (!std::isfinite(magnitude)) {
    std::string text = std::isnan(magnitude) ? "nan" : "inf";
    if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') text = to_upper(text);
    return spec.type == '%' ? text + "%" : text;
  }
  if (spec.precision.value_or(0) > kMaxPrecision) {
    fail_limit("a precision of {} is past its limit of {}", *spec.precision, kMaxPrecision);
  }
  if (spec.type == 0) {
    return spec.precision ? print_general(magnitude, *spec.precision) : float_repr(magnitude);
  }
  const int64_t precision = spec.precision.value_or(6);
  if (spec.type == '%') return print_float(magnitude * 100, 'f', precision, spec.alternate) + "%";
  return print_float(magnitude, spec.type == 'n' ? 'g' : spec.type, precision, spec.alternate);
}

std::string integer_digits(uint64_t magnitude, char type) {
  switch (type) {
    case 'x':
      return fmt::format("{:x}", magnitude);
    case 'X':
      return fmt::format("{:X}", magnitude);
    case 'o':
      return fmt::format("{:o}", magnitude);
    case 'b':
      return fmt::format("{:b}", magnitude);
    default:
      return fmt::format("{}", magnitude);
  }
}

}  // namespace

FormatSpec parse_format_spec(std::string_view text) {
  FormatSpec spec;
  size_t pos = 0;
  auto peek = [&] { return pos < text.size() ? text[pos] : '\0'; };
  auto is_align = [](char c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
  auto digits = [&](int64_t& value) {
    const size_t begin = pos;
    value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + (text[pos++] - '0');
      if (value > int64_t{1} << 31) fail("a width or precision of a format is too large");
    }
    return pos > begin;
  };
  if (!text.empty()) {
    size_t next = 0;
    next_code_point(text, next);
    if (next < text.size() && is_align(text[next])) {
      spec.fill = text.substr(0, next);
      spec.align = text[next];
      pos = next + 1;
    } else if (is_align(peek())) {
      spec.align = text[pos++];
    }
  }
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[pos++];
  if (peek() == '#') {
    spec.alternate = true;
    ++pos;
  }
  if (peek() == '0') {
    if (spec.align == 0) {
      spec.align = '=';
      spec.fill.assign(1, '0');
    } else if (spec.fill == " ") {
      spec.fill.assign(1, '0');
    }
    ++pos;
  }
  digits(spec.width);
  if (peek() == ',' || peek() == '_') spec.grouping = text[pos++];
  if (peek() == '.') {
    ++pos;
    int64_t precision = 0;
    if (!digits(precision)) fail("the format '{}' lacks a precision", text);
    spec.precision = precision;
  }
  if (pos < text.size()) spec.type = text[pos++];
  if (pos != text.size()) fail("the format '{}' is not valid", text);
  return spec;
}

std::string format_text(std::string_view text, const FormatSpec& spec, Runtime& rt) {
  if (spec.align == '=') fail("'=' alignment is for numbers");
  if (spec.sign != '-') fail("a sign is for numbers");
  if (spec.alternate || spec.grouping != 0) fail("this format is for numbers");
  if (spec.precision) text = text.substr(0, code_point_offset(text, *spec.precision));
  return pad("", text, spec.align == 0 ? '<' : spec.align, spec, rt);
}

std::string format_integer(int64_t value, const FormatSpec& spec, Runtime& rt) {
  const uint64_t magnitude =
      value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string prefix = sign_of(value < 0, spec.sign);
  const bool based = spec.type == 'x' || spec.type == 'X' || spec.type == 'o' || spec.type == 'b';
  if (spec.alternate && based) {
    prefix += '0';
    prefix += spec.type;
  }
  std::string digits = integer_digits(magnitude, spec.type);
  digits = apply_grouping(digits, spec, based ? 4 : 3, prefix.size());
  return pad(prefix, digits, spec.align == 0 ? '>' : spec.align, spec, rt);
}

std::string format_float(double value, const FormatSpec& spec, Runtime& rt) {
  const bool negative = std::signbit(value) && !std::isnan(value);
  const std::string prefix = sign_of(negative, spec.sign);
  const std::string digits =
      apply_grouping(float_digits(std::fabs(value), spec), spec, 3, prefix.size());
  return pad(prefix, digits, spec.align == 0 ? '>' : spec.align, spec, rt);
}

std::string format_value(const Value& value, const FormatSpec& spec, Runtime& rt) {
  const std::string_view integer_types("bdnoxXc");
  const std::string_view float_types("eEfFgGn%");
  auto is_one_of = [&](std::string_view types) {
    return spec.type != 0 && types.find(spec.type) != std::string_view::npos;
  };
  if (value.is_string()) {
    if (spec.type != 0 && spec.type != 's') fail("the format '{}' is not for strings", spec.type);
    return format_text(value.text(), spec, rt);
  }
  if (value.is_integral() && (spec.type == 0 || is_one_of(integer_types))) {
    if (spec.precision) fail("an integer has no precision");
    if (spec.grouping == ',' && spec.type != 0 && spec.type != 'd')
      fail("',' is for decimal integers");
    if (spec.grouping != 0 && (spec.type == 'c' || spec.type == 'n'))
      fail("this format has no grouping");
    if (spec.type != 'c') return format_integer(value.as_int(), spec, rt);
    if (spec.sign != '-' || spec.alternate) fail("a character has no sign");
    const int64_t code = value.as_int();
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      fail("{} is not a character", code);
    }
    std::string one;
    utf8::append(static_cast<char32_t>(code), one);
    return pad("", one, spec.align == 0 ? '>' : spec.align, spec, rt);
  }
  if (value.is_number() && (spec.type == 0 || is_one_of(float_types))) {
    return format_float(value.as_number(), spec, rt);
  }
  if (value.is_number()) fail("the format '{}' is not for a {}", spec.type, type_name(value));
  fail("a {} has no formats", type_name(value));
}

}  // namespace chitu::jinja
