#include "text/jinja/attribute_path.h"

#include <charconv>

#include "text/jinja/attributes.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {

AttributePath::AttributePath(const Value& attribute, Runtime& rt) {
  if (attribute.is_none()) return;
  if (!attribute.is_string()) {
    parts_.push_back(attribute);
    return;
  }
  std::string_view rest = attribute.text();
  for (;;) {
    rt.meter().step();
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const bool digits = all_ascii(part) && all_digit(part);
    if (digits &&
        std::from_chars(part.data(), part.data() + part.size(), index).ec == std::errc()) {
      parts_.push_back(Value::integer(index));
    } else {
      parts_.push_back(rt.string(std::string(part)));
    }
    if (dot == std::string_view::npos) return;
    rest.remove_prefix(dot + 1);
  }
}

Value AttributePath::get(const Value& item, Runtime& rt, const Value* fallback) const {
  Value value = item;
  for (const Value& part : parts_) {
    rt.meter().step();
    value = get_item(value, part, rt);
    if (fallback != nullptr && value.is_undefined()) value = *fallback;
  }
  return value;
}

Value ignore_case(const Value& value, Runtime& rt) {
  if (!value.is_string()) return value;
  rt.meter().scan(value.text().size() * 16);
  return rt.string(to_lower(value.text()));
}

}  // namespace chitu::jinja
