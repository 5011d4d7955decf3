#include "text/jinja/text_search.h"

#include <bitset>
#include <cstring>
#include <unordered_set>

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

class CharacterSet {
 public:
  explicit CharacterSet(std::string_view characters) {
    for (size_t pos = 0; pos < characters.size();) {
      const char32_t c = next_code_point(characters, pos);
      if (c < ascii_.size()) {
        ascii_.set(c);
      } else {
        others_.insert(c);
      }
    }
  }

  bool holds(char32_t c) const { return c < ascii_.size() ? ascii_[c] : others_.contains(c); }

 private:
  std::bitset<128> ascii_;
  std::unordered_set<char32_t> others_;
};

// The byte `i` bytes away from the end where a search begins.
template <Matches::From kFrom>
char byte_at(std::string_view s, size_t i) {
  return kFrom == Matches::From::kLeft ? s[i] : s[s.size() - 1 - i];
}

// The first byte `c` at or after `i`, counted the same way; s.size() when there is none.
template <Matches::From kFrom>
size_t skip_to(std::string_view s, size_t i, char c) {
  const size_t rest = s.size() - i;
  if (kFrom == Matches::From::kLeft) {
    const void* at = std::memchr(s.data() + i, c, rest);
    return at == nullptr ? s.size() : static_cast<size_t>(static_cast<const char*>(at) - s.data());
  }
  const size_t at = s.substr(0, rest).rfind(c);
  return at == std::string_view::npos ? s.size() : s.size() - 1 - at;
}

}  // namespace

Matches::Matches(std::string_view text, std::string_view needle, From from, Meter& meter)
    : text_(text), needle_(needle), from_(from), meter_(meter) {
  if (needle.size() > text.size()) return;
  meter.scan(needle.size());
  charge_ = Charge(meter, needle.size() * sizeof(border_[0]));
  border_.resize(needle.size());
  if (from == From::kLeft) {
    prepare<From::kLeft>();
  } else {
    prepare<From::kRight>();
  }
}

template <Matches::From kFrom>
void Matches::prepare() {
  uint32_t matched = 0;
  for (size_t i = 1; i < needle_.size(); ++i) {
    const char c = byte_at<kFrom>(needle_, i);
    while (matched > 0 && c != byte_at<kFrom>(needle_, matched)) matched = border_[matched - 1];
    if (c == byte_at<kFrom>(needle_, matched)) ++matched;
    border_[i] = matched;
  }
}

template <Matches::From kFrom>
size_t Matches::search() {
  const char first = byte_at<kFrom>(needle_, 0);
  size_t matched = 0;
  for (size_t i = seen_; i < text_.size(); ++i) {
    if (matched == 0 && (i = skip_to<kFrom>(text_, i, first)) == text_.size()) break;
    const char c = byte_at<kFrom>(text_, i);
    while (matched > 0 && c != byte_at<kFrom>(needle_, matched)) matched = border_[matched - 1];
    if (c == byte_at<kFrom>(needle_, matched)) ++matched;
    if (matched < needle_.size()) continue;
    seen_ = i + 1;
    return kFrom == From::kLeft ? seen_ - needle_.size() : text_.size() - seen_;
  }
  seen_ = text_.size();
  return kNone;
}

size_t Matches::next() {
  if (needle_.size() > text_.size() - seen_) return kNone;
  if (needle_.empty()) return from_ == From::kLeft ? 0 : text_.size();
  const size_t before = seen_;
  const size_t at = from_ == From::kLeft ? search<From::kLeft>() : search<From::kRight>();
  meter_.scan(seen_ - before);
  return at;
}

Value replace(const Value& text, std::string_view old, std::string_view replacement, int64_t count,
              Runtime& rt) {
  const std::string_view s = text.text();
  TextBuilder out(rt);
  if (old.empty()) {
    rt.meter().scan(s.size());
    replace_empty(out, s, replacement, count);
    return out.value(text.is_markup());
  }
  Matches matches(s, old, Matches::From::kLeft, rt.meter());
  size_t pos = 0;
  for (; count != 0; --count) {
    const size_t at = matches.next();
    if (at == Matches::kNone) break;
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
  const CharacterSet set(characters);
  size_t begin = 0;
  for (size_t next = 0; side != Side::kRight && next < s.size(); begin = next) {
    if (!set.holds(next_code_point(s, next))) break;
  }
  size_t end = s.size();
  while (side != Side::kLeft && end > begin) {
    const size_t at = previous_code_point(s, end);
    size_t next = at;
    if (!set.holds(next_code_point(s, next))) break;
    end = at;
  }
  return s.substr(begin, end - begin);
}

}  // namespace chitu::jinja
