#include "text/jinja/str_format.h"

#include <algorithm>
#include <charconv>

#include "text/jinja/attributes.h"
#include "text/jinja/escape.h"
#include "text/jinja/format_spec.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

constexpr int kMaxNesting = 2;  // fields within the format of a field

class Formatter {
 public:
  Formatter(const Args& args, Runtime& rt) : args_(args), keywords_(args), rt_(rt) {}

  std::string run(std::string_view text, int nesting) {
    if (nesting > kMaxNesting) fail("format() nests too deep");
    TextBuilder out(rt_);
    for (size_t pos = 0; pos < text.size();) {
      const char c = text[pos];
      const bool twice = pos + 1 < text.size() && text[pos + 1] == c;
      if ((c == '{' || c == '}') && twice) {
        out.append(c);
        pos += 2;
      } else if (c == '{') {
        const size_t end = field_end(text, pos + 1);
        out.append(field(text.substr(pos + 1, end - pos - 1), nesting));
        pos = end + 1;
      } else if (c == '}') {
        fail("format(): a single '}}' stands alone");
      } else {
        out.append(c);
        ++pos;
      }
    }
    return out.take();
  }

 private:
  static size_t field_end(std::string_view text, size_t pos) {
    int open = 1;
    for (; pos < text.size(); ++pos) {
      if (text[pos] == '[') {
        pos = std::min(text.find(']', pos), text.size() - 1);
        continue;
      }
      if (text[pos] == '{') ++open;
      if (text[pos] == '}' && --open == 0) return pos;
    }
    fail("format(): a '{{' is not closed");
  }

  std::string field(std::string_view field, int nesting) {
    rt_.meter().step();
    size_t end = 0;
    while (end < field.size() && field[end] != ':' && field[end] != '!') {
      if (field[end] == '[') end = std::min(field.find(']', end), field.size() - 1);
      if (field[end] == '{') fail("format(): '{{' in the name of a field");
      ++end;
    }
    Value value = lookup(field.substr(0, end));
    std::string_view rest = field.substr(end);
    if (rest.starts_with('!')) {
      if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':'))
        fail("format(): expected ':' after '!'");
      value = convert(value, rest[1]);
      rest.remove_prefix(2);
    }
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const std::string spec = run(rest, nesting + 1);
    if (spec.empty()) return to_str(value, rt_);
    return format_value(value, parse_format_spec(spec), rt_);
  }

  Value convert(const Value& value, char conversion) {
    if (conversion == 's') return rt_.string(to_str(value, rt_));
    if (conversion == 'r') return rt_.string(to_repr(value, rt_));
    fail("format(): the conversion '!{}' is not known", conversion);
  }

  Value lookup(std::string_view path) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    Value value = first(path.substr(0, end));
    path.remove_prefix(end);
    while (!path.empty()) {
      const bool item = path.front() == '[';
      if (!item && path.front() != '.') fail("format(): only '.' or '[' may follow ']'");
      path.remove_prefix(1);
      const size_t stop = item ? path.find(']') : std::min(path.find_first_of(".["), path.size());
      if (stop == std::string_view::npos) fail("format(): a '[' is not closed");
      const std::string_view name = path.substr(0, stop);
      if (name.empty()) fail("format(): an attribute is empty");
      value = item ? get_item(value, item_key(name), rt_) : get_attribute(value, name, rt_);
      path.remove_prefix(stop + (item ? 1 : 0));
    }
    return value;
  }

  Value item_key(std::string_view name) {
    int64_t index = 0;
    return is_number(name, index) ? Value::integer(index) : rt_.string(std::string(name));
  }

  static bool is_number(std::string_view name, int64_t& value) {
    if (name.empty() || name.front() < '0' || name.front() > '9') return false;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    return error == std::errc() && end == name.data() + name.size();
  }

  Value first(std::string_view name) {
    int64_t index = 0;
    if (name.empty() || is_number(name, index)) {
      if (name.empty()) index = next_++;
      (name.empty() ? automatic_ : manual_) = true;
      if (automatic_ && manual_) fail("format(): numbered and unnumbered fields are mixed");
      if (index >= static_cast<int64_t>(args_.positional.size())) {
        fail("format(): there is no argument {}", index);
      }
      return args_.positional[static_cast<size_t>(index)];
    }
    const auto i = keywords_.find(name);
    if (!i) fail("format(): there is no argument '{}'", name);
    return args_.keyword[*i].second;
  }

  const Args& args_;
  KeywordIndex keywords_;
  Runtime& rt_;
  int64_t next_ = 0;
  bool automatic_ = false, manual_ = false;
};

}  // namespace

Value format_str(const Value& format, const Args& args, Runtime& rt) {
  if (format.is_markup()) fail_unsupported("format() of a string marked as safe");
  return rt.string(Formatter(args, rt).run(format.text(), 0));
}

}  // namespace chitu::jinja
