// Oniguruma's syntax (Ruby, UTF-8) rewritten for PCRE2 with PCRE2_UTF | PCRE2_UCP |
// PCRE2_MULTILINE.
//
// The classes \s \w \d \h mean other characters there: \s is the property White_Space, \w is
// Alphabetic, marks, decimal numbers and connectors, \h a hexadecimal digit. A '[' inside a class
// opens a nested one, and (?m) makes the dot match line feeds.
#include <cctype>

#include "base/quote.h"
#include "text/regex.h"

namespace chitu {
namespace {

constexpr std::string_view kSpace =
    R"(\x09-\x0D\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view kDigit = R"(\p{Nd})";
constexpr std::string_view kHex = "0-9A-Fa-f";

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      if (class_depth_ > 0) {
        TRY_STATUS(in_class());
      } else {
        TRY_STATUS(outside());
      }
    }
    return std::move(out_);
  }

 private:
  bool next_is(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }

  void copy(size_t n) {
    out_ += pattern_.substr(at_, n);
    at_ += std::min(n, pattern_.size() - at_);
  }

  Error unsupported(std::string_view what) const {
    return make_error(ErrorCode::kUnsupported,
                      "the regular expression {} uses {} at byte {}, which is not supported",
                      quote(pattern_), what, at_);
  }

  Status outside() {
    if (next_is("\\")) return escape();
    if (next_is("(*")) return unsupported("a verb");
    if (next_is("(?")) return group_options();
    if (next_is("{")) return braces();
    if (next_is("[")) {
      open_class();
    } else {
      copy(1);
    }
    return {};
  }

  Status group_options() {
    for (size_t i = at_ + 2; i < pattern_.size(); ++i) {
      const char c = pattern_[i];
      if (c == 'm') return unsupported("the option m");
      // (?i) holds to the end of the group: a(?i)b|c is a(?i:b|c) in Oniguruma, (a(?i)b|c) in
      // PCRE2.
      if (c == ')' && at_ > 0) return unsupported("options after the beginning");
      if (c != 'i' && c != 'x' && c != '-') break;
    }
    copy(2);
    return {};
  }

  // A quantifier {n,m}. Followed by '+' it repeats again in Oniguruma and is possessive in PCRE2;
  // {n} followed by '?' is optional in the one and lazy in the other. {,n} begins at 0.
  Status braces() {
    const size_t end = pattern_.find_first_not_of("0123456789,", at_ + 1);
    const bool quantifier = end != std::string_view::npos && end > at_ + 1 && pattern_[end] == '}';
    if (!quantifier) {
      copy(1);
      return {};
    }
    const std::string_view bounds = pattern_.substr(at_ + 1, end - at_ - 1);
    const char next = end + 1 < pattern_.size() ? pattern_[end + 1] : '\0';
    if (next == '+') return unsupported("'+' after an interval");
    if (next == '?' && bounds.find(',') == std::string_view::npos) {
      return unsupported("'?' after a fixed count");
    }
    if (bounds.size() > 1 && bounds.find_last_of(',') == 0) {
      out_ += "{0";
      ++at_;
    }
    copy(end + 1 - at_);
    return {};
  }

  void open_class() {
    class_depth_ = 1;
    copy(1);
    if (next_is("^")) copy(1);
    if (next_is("]")) copy(1);
  }

  Status in_class() {
    if (next_is("\\")) return escape();
    if (next_is("&&")) return unsupported("an intersection of classes");
    if (next_is("[:")) {
      const size_t end = pattern_.find(":]", at_);
      if (end != std::string_view::npos) {
        copy(end + 2 - at_);
        return {};
      }
    }
    if (next_is("[^")) return unsupported("a negated class within a class");
    if (next_is("[")) {  // a union: its members belong to the outer class
      ++class_depth_;
      ++at_;
    } else if (next_is("]")) {
      if (--class_depth_ == 0) {
        copy(1);
      } else {
        ++at_;
      }
    } else {
      copy(1);
    }
    return {};
  }

  Status escape() {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    switch (c) {
      case 's':
      case 'S':
        return shorthand(kSpace, c == 'S');
      case 'w':
      case 'W':
        return shorthand(kWord, c == 'W');
      case 'd':
      case 'D':
        return shorthand(kDigit, c == 'D');
      case 'h':
      case 'H':
        return shorthand(kHex, c == 'H');
      case 'u':
        out_ += "\\x{";
        out_ += pattern_.substr(at_ + 2, 4);
        out_ += '}';
        at_ = std::min(at_ + 6, pattern_.size());
        return {};
      case 'p':
      case 'P':
      case 'x': {
        const size_t end = next_is_braced() ? pattern_.find('}', at_) : std::string_view::npos;
        copy(end == std::string_view::npos ? 2 : end + 1 - at_);
        return {};
      }
      default:
        copy(2);
        return {};
    }
  }

  bool next_is_braced() const { return at_ + 2 < pattern_.size() && pattern_[at_ + 2] == '{'; }

  Status shorthand(std::string_view members, bool negated) {
    if (class_depth_ == 0) {
      out_ += negated ? "[^" : "[";
      out_ += members;
      out_ += ']';
    } else if (!negated) {
      out_ += members;
    } else if (members == kSpace) {
      out_ += R"(\P{White_Space})";
    } else if (members == kDigit) {
      out_ += R"(\P{Nd})";
    } else {
      return unsupported("a negated shorthand within a class");
    }
    at_ += 2;
    return {};
  }

  std::string_view pattern_;
  size_t at_ = 0;
  int class_depth_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> translate_oniguruma(std::string_view pattern) {
  return Translator(pattern).run();
}

std::string escape_regex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::ispunct(static_cast<unsigned char>(c)) != 0) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace chitu
