#include <algorithm>
#include <array>

#include "text/jinja/bound.h"
#include "text/jinja/compare.h"
#include "text/jinja/escape.h"
#include "text/jinja/filters.h"
#include "text/jinja/iterate.h"
#include "text/jinja/printf.h"
#include "text/jinja/repr.h"
#include "text/jinja/text_search.h"
#include "text/jinja/tojson.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

// The operand as a string; a string keeps its mark.
Value as_string(const Value& value, Runtime& rt) {
  return value.is_string() ? value : rt.string(to_str(value, rt));
}

std::string spaces(int64_t n, Runtime& rt) {
  const auto size = static_cast<size_t>(std::max<int64_t>(n, 0));
  rt.meter().require(size);
  rt.meter().scan(size);
  return std::string(size, ' ');
}

template <std::string (*kFunction)(std::string_view)>
Value mapped(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("a filter on text", args);
  const Value s = as_string(operand, rt);
  rt.meter().scan(s.text().size() * 16);
  rt.meter().require(s.text().size() * 3);
  return rt.string(kFunction(s.text()), s.is_markup());
}

// Words begin after white space and after -, (, {, [ and <: Jinja's rule, not str.title's.
std::string title_words(std::string_view s) {
  auto separates = [](char32_t c) {
    return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || is_space(c);
  };
  std::string out;
  size_t pos = 0;
  while (pos < s.size()) {
    const size_t begin = pos;
    const bool separator = separates(next_code_point(s, pos));
    const size_t first_end = pos;
    while (pos < s.size()) {
      size_t next = pos;
      if (separates(next_code_point(s, next)) != separator) break;
      pos = next;
    }
    out += to_upper(s.substr(begin, first_end - begin));
    out += to_lower(s.substr(first_end, pos - first_end));
  }
  return out;
}

Value string_filter(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("string", args);
  return as_string(operand, rt);
}

Value trim(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("trim", args, {"chars"}, 0);
  const Value s = as_string(operand, rt);
  rt.meter().scan(s.text().size() + (bound.given_and_not_none(0) ? bound.text(0).size() : 0));
  const std::string_view kept = bound.given_and_not_none(0)
                                    ? strip(s.text(), Side::kBoth, bound.text(0))
                                    : strip(s.text(), Side::kBoth);
  return rt.string(std::string(kept), s.is_markup());
}

Value replace_filter(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("replace", args, {"old", "new", "count"}, 2);
  const Value s = rt.string(to_str(operand, rt));  // str() takes a mark away
  const int64_t count = bound.given_and_not_none(2) ? bound.integer(2, -1) : -1;
  return replace(s, to_str(*bound[0], rt), to_str(*bound[1], rt), count, rt);
}

Value escape(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("escape", args);
  if (operand.is_markup()) return operand;
  const std::string s = to_str(operand, rt);
  rt.meter().require(s.size() * 5);
  return rt.string(escape_html(s), true);
}

Value forceescape(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("forceescape", args);
  const std::string s = to_str(operand, rt);
  rt.meter().require(s.size() * 5);
  return rt.string(escape_html(s), true);
}

Value safe(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("safe", args);
  return rt.string(to_str(operand, rt), true);
}

Value tojson(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  JsonStyle style;
  style.ensure_ascii = bound.truth(0, false);
  style.sort_keys = bound.truth(3, false);
  if (bound.given_and_not_none(1)) {
    const Value& indent = *bound[1];
    if (indent.is_string()) {
      style.indent = to_str(indent, rt);
    } else {
      style.indent = spaces(bound.integer(1, 0), rt);
    }
    style.item_separator = ",";
  }
  if (bound.given_and_not_none(2)) {
    const std::vector<Value> separators = to_vector(*bound[2], rt);
    if (separators.size() != 2 || !separators[0].is_string() || !separators[1].is_string()) {
      fail("tojson(): 'separators' must be two strings");
    }
    style.item_separator = to_str(separators[0], rt);
    style.key_separator = to_str(separators[1], rt);
  }
  return to_json(operand, style, rt);
}

Value indent(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("indent", args, {"width", "first", "blank"}, 0);
  if (operand.is_undefined()) fail("{}", undefined_message(operand));
  if (!operand.is_string()) fail("indent needs a string, not {}", type_name(operand));
  std::string by;
  if (bound.given(0) && bound[0]->is_string()) {
    by = to_str(*bound[0], rt);
  } else {
    by = spaces(bound.integer(0, 4), rt);
  }
  const bool blank = bound.truth(2, false);
  rt.meter().scan(operand.text().size());
  rt.meter().require(operand.text().size() * sizeof(std::string_view));
  const std::string text = operand.text() + "\n";  // so that a last empty line counts
  TextBuilder out(rt);
  if (bound.truth(1, false)) out.append(by);
  bool first = true;
  for (const std::string_view line : split_lines(text, false)) {
    if (!first) {
      out.append('\n');
      if (blank || !line.empty()) out.append(by);
    }
    first = false;
    out.append(line);
  }
  return out.value(operand.is_markup());
}

Value truncate(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("truncate", args, {"length", "killwords", "end", "leeway"}, 0);
  const int64_t max = bound.integer(0, 255);
  const std::string_view end = bound.text_or(2, "...");
  const int64_t leeway = bound.given_and_not_none(3) ? bound.integer(3, 5) : 5;
  const int64_t end_length = bound.given(2) ? bound[2]->as<String>().length() : 3;
  if (max < end_length) fail("truncate(): a length of {} is less than that of its end", max);
  if (leeway < 0) fail("truncate(): the leeway is negative");
  const int64_t size = length(operand, rt);
  if (size <= max || size - max <= leeway) return operand;
  if (!operand.is_string()) fail("truncate needs a string, not {}", type_name(operand));
  std::string_view kept = operand.text();
  kept = kept.substr(0, operand.as<String>().offset(max - end_length, rt.meter()));
  if (!bound.truth(1, false)) kept = kept.substr(0, kept.rfind(' '));
  return rt.string(std::string(kept) + std::string(end), operand.is_markup());
}

Value wordcount(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("wordcount", args);
  const std::string s = to_str(operand, rt);
  rt.meter().scan(s.size());
  int64_t words = 0;
  bool in_word = false;
  for (size_t pos = 0; pos < s.size();) {
    const bool word = is_word(next_code_point(s, pos));
    words += word && !in_word ? 1 : 0;
    in_word = word;
  }
  return Value::integer(words);
}

Value center(Runtime& rt, const Value& operand, const Args& args) {
  const Bound bound("center", args, {"width"}, 0);
  const Value s = as_string(operand, rt);
  const int64_t width = bound.integer(0, 80);
  const int64_t pad = std::max<int64_t>(width - s.as<String>().length(), 0);
  const int64_t left = pad / 2 + (pad & width & 1);
  return rt.string(spaces(left, rt) + s.text() + spaces(pad - left, rt), s.is_markup());
}

Value format(Runtime& rt, const Value& operand, const Args& args) {
  if (!args.positional.empty() && !args.keyword.empty()) {
    fail("format cannot take positional and named arguments at once");
  }
  const Value s = as_string(operand, rt);
  if (args.keyword.empty()) return format_printf(s, rt.tuple(args.positional), rt);
  auto named = rt.make_dict();
  for (const auto& [name, value] : args.keyword) named->set(rt.string(name), value, rt.meter());
  return format_printf(s, Value::object(Kind::kDict, named), rt);
}

std::string url_quote(std::string_view s, bool query) {
  std::string out;
  for (const char c : s) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !query);
    if (plain) {
      out += c;
    } else if (c == ' ' && query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Value urlencode(Runtime& rt, const Value& operand, const Args& args) {
  expect_no_arguments("urlencode", args);
  auto quote = [&](const Value& value, bool query) {
    const std::string s = to_str(value, rt);
    rt.meter().require(s.size() * 3);
    return url_quote(s, query);
  };
  if (operand.is_string() || !iterable(operand)) return rt.string(quote(operand, false));
  TextBuilder out(rt);
  auto append = [&](const Value& key, const Value& value) {
    if (out.size() > 0) out.append('&');
    out.append(quote(key, true));
    out.append('=');
    out.append(quote(value, true));
  };
  if (operand.is(Kind::kDict)) {
    for (const auto& [key, value] : operand.as<Dict>().entries()) append(key, value);
    return out.value();
  }
  for (const Value& item : to_vector(operand, rt)) {
    const std::vector<Value> pair = to_vector(item, rt);
    if (pair.size() != 2) fail("urlencode needs pairs of keys and values");
    append(pair[0], pair[1]);
  }
  return out.value();
}

constexpr std::array<FilterEntry, 18> kFilters = {{
    {"capitalize", mapped<to_capitalized>},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"forceescape", forceescape},
    {"format", format},
    {"indent", indent},
    {"lower", mapped<to_lower>},
    {"replace", replace_filter},
    {"safe", safe},
    {"string", string_filter},
    {"title", mapped<title_words>},
    {"tojson", tojson},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", mapped<to_upper>},
    {"urlencode", urlencode},
    {"wordcount", wordcount},
}};

}  // namespace

std::span<const FilterEntry> text_filters() { return kFilters; }

}  // namespace chitu::jinja
