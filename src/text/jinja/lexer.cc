#include "text/jinja/lexer.h"

#include <array>
#include <charconv>

#include "text/jinja/error.h"
#include "text/jinja/string_literal.h"
#include "text/jinja/unicode.h"

namespace chitu::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_digit_of(char c, int base) {
  if (base == 16) return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  return c >= '0' && c < '0' + base;
}

// "\r\n" and "\r" become "\n"; one newline at the very end goes away.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : text_(std::move(source)) {}

  std::vector<Token> run() {
    while (pos_ < text_.size()) lex_data();
    push(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(text_).substr(pos_); }
  bool at(std::string_view s) const { return rest().starts_with(s); }
  char peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }

  template <class... Args>
  [[noreturn]] void fail_here(fmt::format_string<Args...> format, Args&&... args) const {
    throw TemplateError(ErrorCode::kCorrupt, fmt::format(format, std::forward<Args>(args)...),
                        line_);
  }

  Token& push(TokenKind kind, std::string text = {}) {
    tokens_.push_back({.kind = kind, .line = line_, .text = std::move(text)});
    return tokens_.back();
  }

  void advance(size_t n) {
    for (size_t i = 0; i < n; ++i) line_ += text_[pos_ + i] == '\n';
    pos_ += n;
    if (n > 0) line_starting_ = text_[pos_ - 1] == '\n';
  }

  void skip_space() {
    const std::string_view r = rest();
    advance(r.size() - trim_left(r).size());
  }

  // Text up to the next tag, then the tag itself.
  void lex_data() {
    size_t tag = pos_;
    while (tag < text_.size()) {
      tag = text_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= text_.size()) tag = text_.size();
      if (tag == text_.size()) break;
      const char kind = text_[tag + 1];
      if (kind == '{' || kind == '%' || kind == '#') break;
      ++tag;
    }
    const std::string_view data = std::string_view(text_).substr(pos_, tag - pos_);
    if (tag == text_.size()) {
      push(TokenKind::kData, std::string(data));
      advance(data.size());
      return;
    }
    const char kind = text_[tag + 1];
    char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    if (sign != '-' && sign != '+') sign = '\0';
    const std::string_view kept = strip_before_tag(data, sign, kind == '{');
    if (!kept.empty()) push(TokenKind::kData, std::string(kept));
    advance(data.size());

    if (kind == '%' && lex_raw(sign)) return;
    advance(sign == '\0' ? 2 : 3);
    if (kind == '#') return lex_comment();
    push(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin);
    lex_tag(kind == '{');
  }

  // What remains of the text before a tag: `-` strips all white space, lstrip_blocks what stands
  // between the line's start and a block or comment (not a variable) unless it has a `+`.
  std::string_view strip_before_tag(std::string_view data, char sign, bool variable) const {
    if (sign == '-') return trim_right(data);
    if (sign == '+' || variable) return data;
    const size_t newline = data.rfind('\n');
    if (newline == std::string_view::npos && !line_starting_) return data;
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    return all_space(data.substr(line)) ? data.substr(0, line) : data;
  }

  // Consumes "-%}\s*", "+%}" or "%}\n?" (for '%' and '#'); false when it does not stand here.
  bool lex_block_close(char kind) {
    const std::array<char, 2> close = {kind, '}'};
    const std::string_view end(close.data(), 2);
    if (peek() == '-' && rest().substr(1).starts_with(end)) {
      advance(3);
      skip_space();
      return true;
    }
    if (peek() == '+' && rest().substr(1).starts_with(end)) {
      advance(3);
      return true;
    }
    if (!at(end)) return false;
    advance(peek(2) == '\n' ? 3 : 2);
    return true;
  }

  void lex_comment() {
    while (pos_ < text_.size()) {
      if (lex_block_close('#')) return;
      advance(1);
    }
    fail_here("a comment is not closed by '#}}'");
  }

  // {% raw %} ... {% endraw %}: the text between is data. False when this is another block.
  bool lex_raw(char sign) {
    size_t p = pos_ + (sign == '\0' ? 2 : 3);
    auto skip = [&] { p = text_.size() - trim_left(std::string_view(text_).substr(p)).size(); };
    auto accept = [&](std::string_view s) {
      if (!std::string_view(text_).substr(p).starts_with(s)) return false;
      p += s.size();
      return true;
    };
    skip();
    if (!accept("raw")) return false;
    skip();
    if (accept("-%}")) {
      skip();
    } else if (!accept("%}")) {
      return false;
    }
    advance(p - pos_);

    for (size_t tag = pos_; (tag = text_.find("{%", tag)) != std::string::npos; tag += 2) {
      p = tag + 2;
      char end_sign = '\0';
      if (p < text_.size() && (text_[p] == '-' || text_[p] == '+')) end_sign = text_[p++];
      skip();
      if (!accept("endraw")) continue;
      skip();
      const std::string_view close = std::string_view(text_).substr(p);
      if (!close.starts_with("%}") && !close.starts_with("-%}") && !close.starts_with("+%}"))
        continue;
      const std::string_view data = std::string_view(text_).substr(pos_, tag - pos_);
      const std::string_view kept = strip_before_tag(data, end_sign, false);
      if (!kept.empty()) push(TokenKind::kData, std::string(kept));
      advance(p - pos_);
      lex_block_close('%');
      return true;
    }
    fail_here("a raw block is not closed by {{% endraw %}}");
  }

  // The inside of {{ }} or {% %}, its end included.
  void lex_tag(bool variable) {
    std::string open;  // brackets that wait for their other half
    while (pos_ < text_.size()) {
      if (open.empty()) {
        const int line = line_;
        if (variable ? lex_variable_close() : lex_block_close('%')) {
          push(variable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd).line = line;
          return;
        }
      }
      const size_t before = pos_;
      skip_space();
      if (pos_ == before) lex_token(open);
    }
    fail_here("the template ends inside of a tag");
  }

  bool lex_variable_close() {
    if (at("-}}")) {
      advance(3);
      skip_space();
      return true;
    }
    if (!at("}}")) return false;
    advance(2);
    return true;
  }

  void lex_token(std::string& open) {
    const char c = peek();
    if (is_digit(c)) return lex_number();
    if (c == '\'' || c == '"') return lex_string(c);
    size_t end = pos_;
    const char32_t first = next_code_point(text_, end);
    if (is_identifier_start(first)) return lex_name();
    lex_operator(open);
  }

  void lex_name() {
    size_t end = pos_;
    while (end < text_.size()) {
      size_t next = end;
      if (!is_identifier_part(next_code_point(text_, next))) break;
      end = next;
    }
    push(TokenKind::kName, text_.substr(pos_, end - pos_));
    advance(end - pos_);
  }

  // The end of digits with single underscores between them, from `p`; `p` when there is none.
  size_t digits_end(size_t p) const {
    const size_t begin = p;
    while (p < text_.size() && (is_digit(text_[p]) || (text_[p] == '_' && p > begin))) {
      if (text_[p] == '_' && (p + 1 >= text_.size() || !is_digit(text_[p + 1]))) break;
      ++p;
    }
    return p;
  }

  // The end of a float literal that begins here; pos_ when what stands here is not one.
  size_t float_end() const {
    if (pos_ > 0 && text_[pos_ - 1] == '.') return pos_;
    size_t p = digits_end(pos_);
    bool is_float = false;
    if (p < text_.size() && text_[p] == '.' && digits_end(p + 1) > p + 1) {
      p = digits_end(p + 1);
      is_float = true;
    }
    if (p < text_.size() && (text_[p] == 'e' || text_[p] == 'E')) {
      size_t e = p + 1;
      if (e < text_.size() && (text_[e] == '+' || text_[e] == '-')) ++e;
      if (digits_end(e) > e) return digits_end(e);
    }
    return is_float ? p : pos_;
  }

  void lex_number() {
    if (const size_t end = float_end(); end > pos_) {
      const std::string digits = without_underscores(pos_, end);
      // "1e999" is infinity to Python and out of range to from_chars, which then stores nothing.
      push(TokenKind::kFloat).real = std::strtod(digits.c_str(), nullptr);
      advance(end - pos_);
      return;
    }
    int base = 10;
    size_t digits = pos_;
    if (peek() == '0') {
      const char mark = static_cast<char>(peek(1) | 0x20);
      const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
      const size_t first = pos_ + (peek(2) == '_' ? 3 : 2);
      if (marked != 10 && first < text_.size() && is_digit_of(text_[first], marked)) {
        base = marked;
        digits = first;
      }
    }
    size_t end = digits;
    const bool zeros = base == 10 && peek() == '0';  // "007" is 0 0 7 to Python: only zeros follow
    auto accepts = [&](char c) { return zeros ? c == '0' : is_digit_of(c, base); };
    while (end < text_.size() &&
           (accepts(text_[end]) ||
            (text_[end] == '_' && end + 1 < text_.size() && accepts(text_[end + 1])))) {
      ++end;
    }
    const std::string number = without_underscores(digits, end);
    Token& token = push(TokenKind::kInteger);
    const auto [_, error] =
        std::from_chars(number.data(), number.data() + number.size(), token.integer, base);
    if (error != std::errc()) fail_here("the integer {} does not fit into 64 bits", number);
    advance(end - pos_);
  }

  std::string without_underscores(size_t begin, size_t end) const {
    std::string out;
    for (size_t i = begin; i < end; ++i) {
      if (text_[i] != '_') out += text_[i];
    }
    return out;
  }

  void lex_string(char quote) {
    size_t end = pos_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) fail_here("a string is not closed by {}", quote);
    std::string error;
    std::string value;
    if (!unescape(std::string_view(text_).substr(pos_ + 1, end - pos_ - 1), value, error)) {
      fail_here("{}", error);
    }
    push(TokenKind::kString, std::move(value));
    advance(end + 1 - pos_);
  }

  void lex_operator(std::string& open) {
    static constexpr std::array<std::string_view, 6> kLong = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kShort = "+-/*%~[](){}><=.:|,;";
    for (const std::string_view op : kLong) {
      if (!at(op)) continue;
      push(TokenKind::kOperator, std::string(op));
      return advance(op.size());
    }
    const char c = peek();
    if (kShort.find(c) == std::string_view::npos) {
      size_t end = pos_;
      next_code_point(text_, end);
      fail_here("unexpected character '{}'", text_.substr(pos_, end - pos_));
    }
    balance(c, open);
    push(TokenKind::kOperator, std::string(1, c));
    advance(1);
  }

  void balance(char c, std::string& open) const {
    if (c == '(') open += ')';
    if (c == '[') open += ']';
    if (c == '{') open += '}';
    if (c != ')' && c != ']' && c != '}') return;
    if (open.empty()) fail_here("unexpected '{}'", c);
    if (open.back() != c) fail_here("unexpected '{}', expected '{}'", c, open.back());
    open.pop_back();
  }

  std::string text_;
  size_t pos_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // what was read last ended with a newline
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (!is_utf8(source)) {
    throw TemplateError(ErrorCode::kCorrupt, "the template is not valid UTF-8");
  }
  return Lexer(normalize_newlines(source)).run();
}

}  // namespace chitu::jinja
