#include "text/jinja/tojson.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/compare.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Runtime& rt) : style_(style), rt_(rt), out_(rt) {}

  Value run(const Value& value) {
    write(value);
    return out_.value();
  }

 private:
  void write(const Value& value) {
    rt_.meter().step();
    const Level level(rt_.meter());
    switch (value.kind()) {
      case Kind::kNone:
        return out_.append("null");
      case Kind::kBool:
        return out_.append(value.as_bool() ? "true" : "false");
      case Kind::kInt:
        return out_.append(fmt::format("{}", value.as_int()));
      case Kind::kFloat:
        return out_.append(number(value.as_float()));
      case Kind::kString:
        return quoted(value.text());
      case Kind::kList:
      case Kind::kTuple:
        return array(value.items());
      case Kind::kDict:
        return object(value.as<Dict>());
      default:
        fail("a value of type {} cannot be written as JSON", type_name(value));
    }
  }

  static std::string number(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
    return float_repr(d);
  }

  void new_line() {
    if (!style_.indent) return;
    out_.append('\n');
    for (int i = 0; i < depth_; ++i) out_.append(*style_.indent);
  }

  void array(const std::vector<Value>& items) {
    if (items.empty()) return out_.append("[]");
    out_.append('[');
    ++depth_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.append(style_.item_separator);
      new_line();
      write(items[i]);
    }
    --depth_;
    new_line();
    out_.append(']');
  }

  void object(const Dict& dict) {
    if (dict.size() == 0) return out_.append("{}");
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
        return less(a->first, b->first, rt_.meter());
      });
    }
    out_.append('{');
    ++depth_;
    bool first = true;
    for (const Dict::Entry* entry : entries) {
      if (!std::exchange(first, false)) out_.append(style_.item_separator);
      new_line();
      key(entry->first);
      out_.append(style_.key_separator);
      write(entry->second);
    }
    --depth_;
    new_line();
    out_.append('}');
  }

  void key(const Value& key) {
    switch (key.kind()) {
      case Kind::kString:
        return quoted(key.text());
      case Kind::kNone:
        return quoted("null");
      case Kind::kBool:
        return quoted(key.as_bool() ? "true" : "false");
      case Kind::kInt:
        return quoted(fmt::format("{}", key.as_int()));
      case Kind::kFloat:
        return quoted(number(key.as_float()));
      default:
        fail("a key of type {} cannot be written as JSON", type_name(key));
    }
  }

  void quoted(std::string_view s) {
    rt_.meter().scan(s.size());
    out_.append('"');
    for (size_t pos = 0; pos < s.size();) {
      const size_t begin = pos;
      const char32_t c = next_code_point(s, pos);
      if (c == '"' || c == '\\') {
        out_.append('\\');
        out_.append(static_cast<char>(c));
      } else if (c < 0x20) {
        control(c);
      } else if (style_.ensure_ascii && c > 0x7E) {
        escaped(c);
      } else {
        out_.append(s.substr(begin, pos - begin));
      }
    }
    out_.append('"');
  }

  void control(char32_t c) {
    switch (c) {
      case '\n':
        return out_.append("\\n");
      case '\r':
        return out_.append("\\r");
      case '\t':
        return out_.append("\\t");
      case '\b':
        return out_.append("\\b");
      case '\f':
        return out_.append("\\f");
      default:
        return out_.append(fmt::format("\\u{:04x}", static_cast<uint32_t>(c)));
    }
  }

  void escaped(char32_t c) {
    if (c < 0x10000) return out_.append(fmt::format("\\u{:04x}", static_cast<uint32_t>(c)));
    const auto v = static_cast<uint32_t>(c) - 0x10000;
    out_.append(fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (v >> 10), 0xDC00 + (v & 0x3FF)));
  }

  const JsonStyle& style_;
  Runtime& rt_;
  TextBuilder out_;
  int depth_ = 0;
};

}  // namespace

Value to_json(const Value& value, const JsonStyle& style, Runtime& rt) {
  return JsonWriter(style, rt).run(value);
}

}  // namespace chitu::jinja
