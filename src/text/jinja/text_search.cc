#include "text/jinja/text_search.h"

#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

void replace_empty(TextBuilder& out, std::string_view s, std::string_view replacement,
                   int64_t count) {
  size_t pos = 0;
  for (; count != 0; --count) {
    out.append(replacement);
    if (pos == s.size()) return;
    const size_t begin = pos;
    next_code_point(s, pos);
    out.append(s.substr(begin, pos - begin));
  }
  out.append(s.substr(pos));
}

bool holds(std::string_view characters, std::string_view one) {
  return characters.find(one) != std::string_view::npos;  // whole characters: both are UTF-8
}

}  // namespace

Value replace(const Value& text, std::string_view old, std::string_view replacement, int64_t count,
              Runtime& rt) {
  const std::string_view s = text.text();
  rt.meter().scan(s.size());
  TextBuilder out(rt);
  if (old.empty()) {
    replace_empty(out, s, replacement, count);
    return out.value(text.is_markup());
  }
  size_t pos = 0;
  for (; count != 0; --count) {
    const size_t at = s.find(old, pos);
    if (at == std::string_view::npos) break;
    out.append(s.substr(pos, at - pos));
    out.append(replacement);
    pos = at + old.size();
  }
  out.append(s.substr(pos));
  return out.value(text.is_markup());
}

std::string_view strip(std::string_view s, Side side) {
  if (side != Side::kRight) s = trim_left(s);
  if (side != Side::kLeft) s = trim_right(s);
  return s;
}

std::string_view strip(std::string_view s, Side side, std::string_view characters) {
  while (side != Side::kRight && !s.empty()) {
    size_t end = 0;
    next_code_point(s, end);
    if (!holds(characters, s.substr(0, end))) break;
    s.remove_prefix(end);
  }
  while (side != Side::kLeft && !s.empty()) {
    const size_t begin = previous_code_point(s, s.size());
    if (!holds(characters, s.substr(begin))) break;
    s = s.substr(0, begin);
  }
  return s;
}

}  // namespace chitu::jinja
