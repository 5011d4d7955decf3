// One value formatted as Python's format() does: what str.format and % share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/runtime.h"

namespace chitu::jinja {

struct FormatSpec {
  std::string fill = " ";
  char align = 0;   // '<', '>', '^', '=', or 0: as the type has it
  char sign = '-';  // '-', '+', ' '
  bool alternate = false;
  int64_t width = 0;
  char grouping = 0;  // ',' or '_'
  std::optional<int64_t> precision;
  char type = 0;  // 'd', 'x', 'f', ..., or 0: as the type has it
};

// "[[fill]align][sign][#][0][width][grouping][.precision][type]"; fails on anything else.
FormatSpec parse_format_spec(std::string_view spec);

std::string format_value(const Value& value, const FormatSpec& spec, Runtime& rt);

// The parts that both spellings of formatting need.
std::string format_text(std::string_view text, const FormatSpec& spec, Runtime& rt);
std::string format_integer(int64_t value, const FormatSpec& spec, Runtime& rt);
std::string format_float(double value, const FormatSpec& spec, Runtime& rt);

}  // namespace chitu::jinja
