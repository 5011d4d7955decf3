#include <algorithm>
#include <array>

#include "text/jinja/bound.h"
#include "text/jinja/escape.h"
#include "text/jinja/iterate.h"
#include "text/jinja/methods.h"
#include "text/jinja/str_format.h"
#include "text/jinja/text_search.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

std::string_view view(const Value& self) { return self.text(); }

// A result keeps the mark of the string that it was made from.
Value like(const Value& self, std::string_view text, Runtime& rt) {
  return rt.string(std::string(text), self.is_markup());
}

// Marked text escapes what is put into it.
std::string inserted(const Value& self, const Value& text) {
  return self.is_markup() && !text.is_markup() ? escape_html(text.text()) : text.text();
}

using TextFunction = std::string (*)(std::string_view);
using TextPredicate = bool (*)(std::string_view);

template <TextFunction kFunction>
Value mapped(Runtime& rt, const Value& self, const Args& args) {
  expect_no_arguments("a method of str", args);
  rt.meter().scan(self.text().size() * 16);
  rt.meter().require(self.text().size() * 3);
  return like(self, kFunction(self.text()), rt);
}

template <TextPredicate kPredicate>
Value tested(Runtime& rt, const Value& self, const Args& args) {
  expect_no_arguments("a method of str", args);
  rt.meter().scan(self.text().size());
  return Value::boolean(kPredicate(self.text()));
}

template <Side kSide>
Value stripped(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("strip", args, {"chars"}, 0, true);
  rt.meter().scan(self.text().size());
  if (!bound.given_and_not_none(0)) return like(self, strip(self.text(), kSide), rt);
  rt.meter().scan(bound.text(0).size());
  return like(self, strip(self.text(), kSide, bound.text(0)), rt);
}

// ---- splitting

std::vector<std::string_view> split_space(std::string_view s, int64_t limit) {
  std::vector<std::string_view> parts;
  s = trim_left(s);
  while (!s.empty()) {
    if (limit-- == 0) {
      parts.push_back(s);
      break;
    }
    size_t end = 0;
    for (size_t next = 0; next < s.size() && !is_space(next_code_point(s, next));) end = next;
    parts.push_back(s.substr(0, end));
    s = trim_left(s.substr(end));
  }
  return parts;
}

std::vector<std::string_view> rsplit_space(std::string_view s, int64_t limit) {
  std::vector<std::string_view> parts;
  s = trim_right(s);
  while (!s.empty()) {
    if (limit-- == 0) {
      parts.push_back(s);
      break;
    }
    size_t begin = s.size();
    while (begin > 0) {
      const size_t at = previous_code_point(s, begin);
      size_t pos = at;
      if (is_space(next_code_point(s, pos))) break;
      begin = at;
    }
    parts.push_back(s.substr(begin));
    s = trim_right(s.substr(0, begin));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

template <Matches::From kFrom>
std::vector<std::string_view> split_at(std::string_view s, std::string_view separator,
                                       int64_t limit, Meter& meter) {
  std::vector<std::string_view> parts;
  Matches matches(s, separator, kFrom, meter);
  size_t begin = 0, end = s.size();  // of what is not split yet
  for (; limit != 0; --limit) {
    const size_t at = matches.next();
    if (at == Matches::kNone) break;
    if (kFrom == Matches::From::kLeft) {
      parts.push_back(s.substr(begin, at - begin));
      begin = at + separator.size();
    } else {
      parts.push_back(s.substr(at + separator.size(), end - at - separator.size()));
      end = at;
    }
  }
  parts.push_back(s.substr(begin, end - begin));
  if (kFrom == Matches::From::kRight) std::reverse(parts.begin(), parts.end());
  return parts;
}

Value strings(const Value& self, const std::vector<std::string_view>& parts, Runtime& rt) {
  ListBuilder out(rt);
  for (const std::string_view part : parts) {
    rt.meter().step();
    out.append(like(self, part, rt));
  }
  return out.list();
}

using SplitSpace = std::vector<std::string_view> (*)(std::string_view, int64_t);

template <SplitSpace kSpace, Matches::From kFrom>
Value split(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("split", args, {"sep", "maxsplit"}, 0);
  const int64_t limit = bound.integer(1, -1);
  rt.meter().require(self.text().size() * sizeof(std::string_view));  // a part per byte at most
  if (!bound.given_and_not_none(0)) {
    rt.meter().scan(self.text().size());
    return strings(self, kSpace(self.text(), limit), rt);
  }
  if (bound.text(0).empty()) fail("split(): the separator is empty");
  return strings(self, split_at<kFrom>(self.text(), bound.text(0), limit, rt.meter()), rt);
}

Value splitlines(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("splitlines", args, {"keepends"}, 0);
  rt.meter().scan(self.text().size());
  rt.meter().require(self.text().size() * sizeof(std::string_view));
  return strings(self, split_lines(self.text(), bound.truth(0, false)), rt);
}

template <Matches::From kFrom>
Value partition(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("partition", args, {"sep"}, 1, true);
  const std::string_view s = view(self);
  const std::string_view separator = bound.text(0);
  if (separator.empty()) fail("partition(): the separator is empty");
  const size_t at = Matches(s, separator, kFrom, rt.meter()).next();
  if (at == Matches::kNone) {
    const Value empty = like(self, "", rt);
    return kFrom == Matches::From::kRight ? rt.tuple({empty, empty, self})
                                          : rt.tuple({self, empty, empty});
  }
  return rt.tuple({like(self, s.substr(0, at), rt), like(self, separator, rt),
                   like(self, s.substr(at + separator.size()), rt)});
}

// ---- searching

// The part of a string between two optional positions, in code points.
struct Window {
  std::string_view text;
  size_t begin;  // of the window, in bytes of the whole string
  bool beyond;   // it begins past the end: not even an empty string is found there
};

Window window(const Value& self, const Bound& bound, size_t first, Meter& meter) {
  const auto& string = self.as<String>();
  const int64_t size = string.length();
  auto position = [&](size_t i, int64_t fallback) {
    const int64_t at = bound.given_and_not_none(i) ? bound.integer(i, fallback) : fallback;
    return at < 0 ? std::max<int64_t>(at + size, 0) : at;
  };
  const int64_t start = position(first, 0);
  const int64_t stop = std::min(position(first + 1, size), size);
  if (start > size || start > stop) return {{}, 0, true};
  const size_t begin = string.offset(start, meter);
  const size_t end = string.offset(stop, meter);
  return {std::string_view(string.text).substr(begin, end - begin), begin, false};
}

template <Matches::From kFrom>
int64_t locate(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("find", args, {"sub", "start", "end"}, 1, true);
  const std::string& sub = bound.text(0);
  const Window w = window(self, bound, 1, rt.meter());
  if (w.beyond) return -1;
  const size_t at = Matches(w.text, sub, kFrom, rt.meter()).next();
  return at == Matches::kNone ? -1 : self.as<String>().index_at(w.begin + at, rt.meter());
}

template <Matches::From kFrom>
Value find(Runtime& rt, const Value& self, const Args& args) {
  return Value::integer(locate<kFrom>(rt, self, args));
}

template <Matches::From kFrom>
Value index(Runtime& rt, const Value& self, const Args& args) {
  const int64_t at = locate<kFrom>(rt, self, args);
  if (at < 0) fail("index(): the substring is not there");
  return Value::integer(at);
}

Value count(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("count", args, {"sub", "start", "end"}, 1, true);
  const std::string& sub = bound.text(0);
  const Window w = window(self, bound, 1, rt.meter());
  if (w.beyond) return Value::integer(0);
  if (sub.empty()) {
    rt.meter().scan(w.text.size());
    return Value::integer(count_code_points(w.text) + 1);
  }
  int64_t n = 0;
  for (Matches matches(w.text, sub, Matches::From::kLeft, rt.meter());
       matches.next() != Matches::kNone;) {
    ++n;
  }
  return Value::integer(n);
}

template <bool kAtEnd>
Value affixed(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound(kAtEnd ? "endswith" : "startswith", args, {"affix", "start", "end"}, 1, true);
  const Window w = window(self, bound, 1, rt.meter());
  auto matches = [&](const Value& affix) {
    if (!affix.is_string())
      fail("startswith() and endswith() look for a string, not for {}", type_name(affix));
    rt.meter().step();
    if (w.beyond || affix.text().size() > w.text.size()) return false;
    rt.meter().scan(affix.text().size());
    return kAtEnd ? w.text.ends_with(affix.text()) : w.text.starts_with(affix.text());
  };
  if (!bound[0]->is(Kind::kTuple)) return Value::boolean(matches(*bound[0]));
  for (const Value& affix : bound[0]->items()) {
    if (matches(affix)) return Value::boolean(true);
  }
  return Value::boolean(false);
}

template <bool kAtEnd>
Value remove_affix(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound(kAtEnd ? "removesuffix" : "removeprefix", args, {"affix"}, 1, true);
  std::string_view s = view(self);
  const std::string& affix = bound.text(0);
  rt.meter().scan(std::min(s.size(), affix.size()));
  if (kAtEnd ? s.ends_with(affix) : s.starts_with(affix)) {
    s = kAtEnd ? s.substr(0, s.size() - affix.size()) : s.substr(affix.size());
  }
  return like(self, s, rt);
}

Value replace_method(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("replace", args, {"old", "new", "count"}, 2, true);
  bound.text(0);
  bound.text(1);
  return replace(self, bound.text(0), inserted(self, *bound[1]), bound.integer(2, -1), rt);
}

Value join(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("join", args, {"iterable"}, 1, true);
  TextBuilder out(rt);
  bool first = true;
  for (const Value& item : to_vector(*bound[0], rt)) {
    if (!std::exchange(first, false)) out.append(self.text());
    if (!item.is_string()) fail("join(): a string is expected, not {}", type_name(item));
    out.append(inserted(self, item));
  }
  return out.value(self.is_markup());
}

// ---- padding

enum class Align : uint8_t { kLeft, kRight, kCenter };

template <Align kAlign>
Value justify(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("center, ljust and rjust", args, {"width", "fillchar"}, 1, true);
  const std::string_view fill = bound.text_or(1, " ");
  if (count_code_points(fill) != 1) fail("the fill character must be one character");
  const int64_t width = bound.integer(0, 0);
  const int64_t pad = std::max<int64_t>(width - self.as<String>().length(), 0);
  const int64_t left = kAlign == Align::kLeft    ? 0
                       : kAlign == Align::kRight ? pad
                                                 : pad / 2 + (pad & width & 1);
  TextBuilder out(rt);
  for (int64_t i = 0; i < left; ++i) out.append(fill);
  out.append(self.text());
  for (int64_t i = left; i < pad; ++i) out.append(fill);
  return out.value(self.is_markup());
}

Value zfill(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("zfill", args, {"width"}, 1, true);
  std::string_view s = view(self);
  const int64_t pad = bound.integer(0, 0) - self.as<String>().length();
  TextBuilder out(rt);
  if (s.starts_with('+') || s.starts_with('-')) {
    out.append(s.front());
    s.remove_prefix(1);
  }
  for (int64_t i = 0; i < pad; ++i) out.append('0');
  out.append(s);
  return out.value(self.is_markup());
}

Value expandtabs(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("expandtabs", args, {"tabsize"}, 0);
  const int64_t size = bound.integer(0, 8);
  const std::string_view s = view(self);
  rt.meter().scan(s.size());
  TextBuilder out(rt);
  int64_t column = 0;
  for (size_t pos = 0; pos < s.size();) {
    const size_t begin = pos;
    const char32_t c = next_code_point(s, pos);
    if (c != '\t') {
      column = c == '\n' || c == '\r' ? 0 : column + 1;
      out.append(s.substr(begin, pos - begin));
      continue;
    }
    for (int64_t n = size > 0 ? size - column % size : 0; n > 0; --n, ++column) out.append(' ');
  }
  return out.value(self.is_markup());
}

Value format(Runtime& rt, const Value& self, const Args& args) {
  return format_str(self, args, rt);
}

Value format_map(Runtime& rt, const Value& self, const Args& args) {
  const Bound bound("format_map", args, {"mapping"}, 1, true);
  if (!bound[0]->is(Kind::kDict))
    fail("format_map() needs a mapping, not {}", type_name(*bound[0]));
  Args named;
  for (const auto& [key, value] : bound[0]->as<Dict>().entries()) {
    if (key.is_string()) named.keyword.emplace_back(key.text(), value);
  }
  return format_str(self, named, rt);
}

// Methods that exist, so that a template sees them, but need bytes or translation tables.
Value unsupported(Runtime&, const Value&, const Args&) {
  fail_unsupported("this method of str is not supported in a chat template");
}

constexpr std::array<MethodEntry, 47> kMethods = {{
    {"capitalize", mapped<to_capitalized>},
    {"casefold", mapped<case_fold>},
    {"center", justify<Align::kCenter>},
    {"count", count},
    {"encode", unsupported},
    {"endswith", affixed<true>},
    {"expandtabs", expandtabs},
    {"find", find<Matches::From::kLeft>},
    {"format", format},
    {"format_map", format_map},
    {"index", index<Matches::From::kLeft>},
    {"isalnum", tested<all_alnum>},
    {"isalpha", tested<all_alpha>},
    {"isascii", tested<all_ascii>},
    {"isdecimal", tested<all_decimal>},
    {"isdigit", tested<all_digit>},
    {"isidentifier", tested<all_identifier>},
    {"islower", tested<all_lower>},
    {"isnumeric", tested<all_numeric>},
    {"isprintable", tested<all_printable>},
    {"isspace", tested<all_space>},
    {"istitle", tested<all_title>},
    {"isupper", tested<all_upper>},
    {"join", join},
    {"ljust", justify<Align::kLeft>},
    {"lower", mapped<to_lower>},
    {"lstrip", stripped<Side::kLeft>},
    {"maketrans", unsupported},
    {"partition", partition<Matches::From::kLeft>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"replace", replace_method},
    {"rfind", find<Matches::From::kRight>},
    {"rindex", index<Matches::From::kRight>},
    {"rjust", justify<Align::kRight>},
    {"rpartition", partition<Matches::From::kRight>},
    {"rsplit", split<rsplit_space, Matches::From::kRight>},
    {"rstrip", stripped<Side::kRight>},
    {"split", split<split_space, Matches::From::kLeft>},
    {"splitlines", splitlines},
    {"startswith", affixed<false>},
    {"strip", stripped<Side::kBoth>},
    {"swapcase", mapped<swap_case>},
    {"title", mapped<to_title>},
    {"translate", unsupported},
    {"upper", mapped<to_upper>},
    {"zfill", zfill},
}};

}  // namespace

std::span<const MethodEntry> string_methods() { return kMethods; }

}  // namespace chitu::jinja
