#include "text/jinja/printf.h"

#include <cmath>

#include "text/jinja/format_spec.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

class Printf {
 public:
  Printf(const Value& args, Runtime& rt) : args_(args), rt_(rt) {}

  std::string run(std::string_view format) {
    TextBuilder out(rt_);
    for (pos_ = 0; pos_ < format.size();) {
      const size_t percent = std::min(format.find('%', pos_), format.size());
      out.append(format.substr(pos_, percent - pos_));
      pos_ = percent;
      if (pos_ < format.size()) out.append(conversion(format));
    }
    if (!leftover_allowed()) fail("not all arguments of '%' were used");
    return out.take();
  }

 private:
  // A value that can be subscribed may stay unused: Python takes it for a mapping.
  bool leftover_allowed() const {
    switch (args_.kind()) {
      case Kind::kTuple:
        return next_ >= args_.items().size();
      case Kind::kDict:
      case Kind::kList:
      case Kind::kRange:
      case Kind::kUndefined:
        return true;
      default:
        return next_ > 0;
    }
  }

  char peek(std::string_view f) const { return pos_ < f.size() ? f[pos_] : '\0'; }

  const Value& argument() {
    if (keyed_ != nullptr) return *std::exchange(keyed_, nullptr);
    if (args_.is(Kind::kTuple)) {
      if (next_ >= args_.items().size()) fail("'%' lacks an argument");
      return args_.items()[next_++];
    }
    if (next_++ > 0) fail("'%' lacks an argument");
    return args_;
  }

  void key(std::string_view f) {
    if (!args_.is(Kind::kDict)) fail("'%(name)' needs a mapping");
    int open = 1;
    const size_t begin = ++pos_;
    for (; pos_ < f.size(); ++pos_) {
      if (f[pos_] == '(') ++open;
      if (f[pos_] == ')' && --open == 0) break;
    }
    if (pos_ >= f.size()) fail("a '%(' is not closed");
    const std::string_view name = f.substr(begin, pos_++ - begin);
    keyed_ = args_.as<Dict>().find(name, rt_.meter());
    if (keyed_ == nullptr) fail("'%({})': there is no such key", name);
  }

  int64_t number(std::string_view f) {
    if (peek(f) == '*') {
      ++pos_;
      const Value& value = argument();
      if (!value.is_integral()) fail("'*' in a format needs an integer");
      return value.as_int();
    }
    int64_t value = 0;
    while (peek(f) >= '0' && peek(f) <= '9') {
      value = value * 10 + (f[pos_++] - '0');
      if (value > int64_t{1} << 31) fail("a width or precision of a format is too large");
    }
    return value;
  }

  std::string conversion(std::string_view f) {
    rt_.meter().step();
    ++pos_;
    if (peek(f) == '(') key(f);
    FormatSpec spec;
    spec.align = '>';
    bool zero = false;
    for (;; ++pos_) {
      const char c = peek(f);
      if (c == '-')
        spec.align = '<';
      else if (c == '+')
        spec.sign = '+';
      else if (c == ' ')
        spec.sign = spec.sign == '+' ? '+' : ' ';
      else if (c == '#')
        spec.alternate = true;
      else if (c == '0')
        zero = true;
      else
        break;
    }
    spec.width = number(f);
    if (spec.width < 0) {
      spec.align = '<';
      spec.width = -spec.width;
    }
    if (peek(f) == '.') {
      ++pos_;
      spec.precision = std::max<int64_t>(number(f), 0);
    }
    while (peek(f) == 'h' || peek(f) == 'l' || peek(f) == 'L') ++pos_;
    if (pos_ >= f.size()) fail("a format ends within a conversion");
    const char type = f[pos_++];
    if (type == '%') return "%";
    return convert(type, zero, spec);
  }

  std::string convert(char type, bool zero, FormatSpec& spec) {
    const bool numeric = std::string_view("diuxXoeEfFgG").find(type) != std::string_view::npos;
    if (numeric && zero && spec.align != '<') {
      spec.align = '=';
      spec.fill.assign(1, '0');
    }
    switch (type) {
      case 's':
        return text(to_str(argument(), rt_), spec);
      case 'r':
        return text(to_repr(argument(), rt_), spec);
      case 'c':
        return text(character(argument()), spec);
      case 'd':
      case 'i':
      case 'u':
        return integer('d', spec);
      case 'x':
      case 'X':
      case 'o':
        return integer(type, spec);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(type, spec);
      default:
        fail("the conversion '%{}' is not known", type);
    }
  }

  std::string text(const std::string& s, FormatSpec spec) {
    spec.sign = '-';
    spec.alternate = false;
    return format_text(s, spec, rt_);
  }

  static std::string character(const Value& value) {
    if (value.is_string() && value.as<String>().length() == 1) return value.text();
    if (!value.is_integral()) fail("'%c' needs a character");
    const int64_t code = value.as_int();
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
      fail("{} is not a character", code);
    std::string one;
    utf8::append(static_cast<char32_t>(code), one);
    return one;
  }

  std::string integer(char type, FormatSpec spec) {
    const Value& value = argument();
    if (value.is_undefined()) fail("{}", undefined_message(value));
    if (!value.is_number() || (type != 'd' && !value.is_integral())) {
      fail("'%{}' needs a number, not {}", type, type_name(value));
    }
    int64_t i = 0;
    if (value.is_integral()) {
      i = value.as_int();
    } else {
      const double d = std::trunc(value.as_float());
      if (!(std::fabs(d) < 9.2e18)) fail("'%d' needs a number that fits into 64 bits");
      i = static_cast<int64_t>(d);
    }
    spec.type = type;
    if (!spec.precision) return format_integer(i, spec, rt_);
    // A precision is the least number of digits.
    FormatSpec digits;
    digits.type = type;
    digits.sign = spec.sign;
    digits.alternate = spec.alternate;
    digits.align = '=';
    digits.fill.assign(1, '0');
    digits.width = *spec.precision + (i < 0 || spec.sign != '-' ? 1 : 0) +
                   (spec.alternate && type != 'd' ? 2 : 0);
    const std::string number = format_integer(i, digits, rt_);
    FormatSpec outer;
    outer.width = spec.width;
    outer.align = spec.align == '=' ? '>' : spec.align;
    if (spec.align == '=' && number.size() < static_cast<size_t>(spec.width)) {
      digits.width = spec.width;
      return format_integer(i, digits, rt_);
    }
    return format_text(number, outer, rt_);
  }

  std::string real(char type, FormatSpec spec) {
    const Value& value = argument();
    if (value.is_undefined()) fail("{}", undefined_message(value));
    if (!value.is_number()) fail("'%{}' needs a number, not {}", type, type_name(value));
    spec.type = type;
    return format_float(value.as_number(), spec, rt_);
  }

  const Value& args_;
  Runtime& rt_;
  const Value* keyed_ = nullptr;
  size_t next_ = 0;
  size_t pos_ = 0;
};

}  // namespace

Value format_printf(const Value& format, const Value& args, Runtime& rt) {
  if (format.is_markup()) fail_unsupported("'%' on a string marked as safe");
  return rt.string(Printf(args, rt).run(format.text()));
}

}  // namespace chitu::jinja
