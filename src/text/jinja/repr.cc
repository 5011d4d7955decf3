#include "text/jinja/repr.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/loop.h"
#include "text/jinja/macro.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

void append_escaped(TextBuilder& out, char32_t c) {
  if (c < 0x100) {
    out.append(fmt::format("\\x{:02x}", static_cast<uint32_t>(c)));
  } else if (c < 0x10000) {
    out.append(fmt::format("\\u{:04x}", static_cast<uint32_t>(c)));
  } else {
    out.append(fmt::format("\\U{:08x}", static_cast<uint32_t>(c)));
  }
}

// Single quotes, unless the text has those and no double ones.
void append_quoted(TextBuilder& out, std::string_view s) {
  const bool use_double =
      s.find('\'') != std::string_view::npos && s.find('"') == std::string_view::npos;
  const char32_t quote = use_double ? '"' : '\'';
  out.append(static_cast<char>(quote));
  for (size_t pos = 0; pos < s.size();) {
    const size_t at = pos;
    const char32_t c = next_code_point(s, pos);
    if (c == quote || c == '\\') {
      out.append('\\');
      out.append(static_cast<char>(c));
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '\r') {
      out.append("\\r");
    } else if (c == '\t') {
      out.append("\\t");
    } else if (is_printable(c)) {
      out.append(s.substr(at, pos - at));
    } else {
      append_escaped(out, c);
    }
  }
  out.append(static_cast<char>(quote));
}

void append_items(TextBuilder& out, const std::vector<Value>& items, Runtime& rt) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.append(", ");
    append_repr(out, items[i], rt);
  }
}

void append_dict(TextBuilder& out, const Dict& dict, Runtime& rt) {
  out.append('{');
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out.append(", ");
    first = false;
    append_repr(out, key, rt);
    out.append(": ");
    append_repr(out, value, rt);
  }
  out.append('}');
}

void append_view(TextBuilder& out, const Value& value, Runtime& rt) {
  const auto& view = value.as<DictView>();
  out.append(type_name(value));
  out.append("([");
  bool first = true;
  for (const auto& [key, item] : view.dict->entries()) {
    if (!first) out.append(", ");
    first = false;
    if (view.part == DictView::Part::kItems) {
      out.append('(');
      append_repr(out, key, rt);
      out.append(", ");
      append_repr(out, item, rt);
      out.append(')');
    } else {
      append_repr(out, view.part == DictView::Part::kKeys ? key : item, rt);
    }
  }
  out.append("])");
}

void append_range(TextBuilder& out, const Range& range) {
  out.append(fmt::format("range({}, {}", range.start, range.stop));
  if (range.step != 1) out.append(fmt::format(", {}", range.step));
  out.append(')');
}

void append_tuple(TextBuilder& out, const std::vector<Value>& items, Runtime& rt) {
  out.append('(');
  append_items(out, items, rt);
  out.append(items.size() == 1 ? ",)" : ")");
}

void append_string(TextBuilder& out, const Value& value) {
  if (value.is_markup()) out.append("Markup(");
  append_quoted(out, value.text());
  if (value.is_markup()) out.append(')');
}

// What holds no other values. Apart from append_repr, whose frames should be small: it recurses.
void append_scalar(TextBuilder& out, const Value& value, Runtime& rt) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return out.append("Undefined");
    case Kind::kNone:
      return out.append("None");
    case Kind::kBool:
      return out.append(value.as_bool() ? "True" : "False");
    case Kind::kInt:
      return out.append(fmt::format("{}", value.as_int()));
    case Kind::kFloat:
      return out.append(float_repr(value.as_float()));
    case Kind::kString:
      return append_string(out, value);
    case Kind::kRange:
      return append_range(out, value.as<Range>());
    case Kind::kLoop:
      return out.append(loop_repr(value.as<Loop>(), rt));
    case Kind::kMacro:
      return out.append(macro_repr(value.as<Macro>(), rt));
    case Kind::kFunction:
      return out.append(fmt::format("<function {}>", value.as<Function>().name));
    default:
      return out.append(fmt::format("<{} object>", type_name(value)));
  }
}

}  // namespace

std::string float_repr(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto scientific =
      std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(scientific.ptr - buffer));
  const size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if (exponent < -4 || exponent >= 16) return std::string(text);
  char fixed[64];
  const auto end = std::to_chars(fixed, fixed + sizeof fixed, d, std::chars_format::fixed);
  std::string out(fixed, static_cast<size_t>(end.ptr - fixed));
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

void append_str(TextBuilder& out, const Value& value, Runtime& rt) {
  if (value.is_string()) {
    out.append(value.text());
  } else if (!value.is_undefined()) {
    append_repr(out, value, rt);
  }
}

void append_repr(TextBuilder& out, const Value& value, Runtime& rt) {
  rt.meter().step();
  const Level level(rt.meter());
  switch (value.kind()) {
    case Kind::kList:
      out.append('[');
      append_items(out, value.items(), rt);
      return out.append(']');
    case Kind::kTuple:
      return append_tuple(out, value.items(), rt);
    case Kind::kDict:
      return append_dict(out, value.as<Dict>(), rt);
    case Kind::kDictView:
      return append_view(out, value, rt);
    case Kind::kNamespace:
      out.append("<Namespace ");
      append_dict(out, value.as<Namespace>().attributes, rt);
      return out.append('>');
    default:
      return append_scalar(out, value, rt);
  }
}

std::string to_str(const Value& value, Runtime& rt) {
  if (value.is_string()) {
    rt.meter().scan(value.text().size());
    return value.text();
  }
  TextBuilder out(rt);
  append_str(out, value, rt);
  return out.take();
}

std::string to_repr(const Value& value, Runtime& rt) {
  TextBuilder out(rt);
  append_repr(out, value, rt);
  return out.take();
}

}  // namespace chitu::jinja
