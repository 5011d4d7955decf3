#include "text/normalizer.h"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "text/byte_level.h"

namespace chitu {
namespace {

constexpr std::string_view kEscapedSpace = "\xE2\x96\x81";  // U+2581

// A hostile file may blow a text up; real ones at most write a character as 18 others (NFKD).
constexpr size_t kMaxGrowth = 32;
constexpr size_t kFreeGrowth = 64 << 10;

size_t growth_limit(std::string_view text) {
  return std::min(kMaxGrowth * text.size() + kFreeGrowth, Normalizer::kMaxBytes);
}

Status check_growth(const std::string& text, size_t limit) {
  if (text.size() <= limit) return {};
  return make_error(ErrorCode::kResourceExhausted,
                    "the tokenizer's normalizer makes the text more than {} times or {} bytes long",
                    kMaxGrowth, Normalizer::kMaxBytes);
}

// The characters of `text`, each through f(code, character, out). at_start = false when the first
// becomes nothing.
template <class F>
std::string map_characters(std::string_view text, bool& at_start, F&& f) {
  std::string out;
  out.reserve(text.size());
  utf8::for_each(text, [&](char32_t c, size_t begin, size_t end) {
    if (begin > 0 && out.empty()) at_start = false;
    f(c, text.substr(begin, end - begin), out);
  });
  return out;
}

Status apply(const UnicodeStep& step, MatchScratch&, std::string& text, bool&) {
  text = unicode::normalize(text, step.form);
  return {};
}

Status apply(const LowercaseStep&, MatchScratch&, std::string& text, bool& at_start) {
  text = map_characters(text, at_start, [](char32_t c, std::string_view, std::string& out) {
    unicode::append_lower(c, out);
  });
  return {};
}

Status apply(const ReplaceStep& step, MatchScratch& scratch, std::string& text, bool& at_start) {
  std::string out;
  const size_t limit = growth_limit(text);
  size_t done = 0;
  TRY_STATUS(step.finder.for_each(text, scratch, [&](size_t begin, size_t end) {
    if (begin == 0 && end > 0 && step.content.empty()) at_start = false;
    if (out.size() <= limit) out.append(text, done, begin - done).append(step.content);
    done = end;
  }));
  TRY_STATUS(check_growth(out, limit));
  if (done > 0 || !out.empty()) text = out.append(text, done);
  return {};
}

Status apply(const PrependStep& step, MatchScratch&, std::string& text, bool&) {
  if (!text.empty()) text = step.content + text;
  return {};
}

Status apply(const StripStep& step, MatchScratch&, std::string& text, bool& at_start) {
  std::string_view rest = text;
  if (step.left) {
    const size_t space = unicode::leading_space(rest);
    if (space > 0) at_start = false;
    rest.remove_prefix(space);
  }
  if (step.right) rest.remove_suffix(unicode::trailing_space(rest));
  text = std::string(rest);
  return {};
}

Status apply(const StripAccentsStep&, MatchScratch&, std::string& text, bool& at_start) {
  text =
      map_characters(text, at_start, [](char32_t c, std::string_view character, std::string& out) {
        if (!unicode::is_mark(c)) out += character;
      });
  return {};
}

Status apply(const NmtStep&, MatchScratch&, std::string& text, bool& at_start) {
  text =
      map_characters(text, at_start, [](char32_t c, std::string_view character, std::string& out) {
        const bool removed = (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) ||
                             c == 0x7F || c == 0x8F || c == 0x9F;
        const bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 ||
                           c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
        if (!removed) out += space ? std::string_view(" ") : character;
      });
  return {};
}

Status apply(const ByteLevelNormalizeStep&, MatchScratch&, std::string& text, bool&) {
  std::string out;
  byte_level::append_encoded(text, out);
  text = std::move(out);
  return {};
}

// Calls f(cluster) for every grapheme cluster.
template <class F>
void for_each_grapheme(std::string_view text, F&& f) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), error));
  CHECK(U_SUCCESS(error));  // the rules are part of the ICU library
  UText utext = UTEXT_INITIALIZER;
  utext_openUTF8(&utext, text.data(), static_cast<int64_t>(text.size()), &error);
  breaks->setText(&utext, error);
  CHECK(U_SUCCESS(error));
  auto begin = static_cast<size_t>(breaks->first());
  for (int32_t end = breaks->next(); end != icu::BreakIterator::DONE; end = breaks->next()) {
    f(text.substr(begin, static_cast<size_t>(end) - begin));
    begin = static_cast<size_t>(end);
  }
  utext_close(&utext);
}

Status apply(const PrecompiledStep& step, MatchScratch& scratch, std::string& text,
             bool& at_start) {
  constexpr size_t kLongCluster = 6;
  std::string out;
  out.reserve(text.size());
  const size_t limit = growth_limit(text);
  for_each_grapheme(text, [&](std::string_view cluster) {
    if (out.size() > limit || scratch.exhausted()) return;
    if (out.empty() && cluster.data() != text.data()) at_start = false;
    if (cluster.size() < kLongCluster) {
      if (const auto match = step.charsmap.shortest_prefix(cluster, scratch)) {
        out += match->replacement;
        return;
      }
    }
    utf8::for_each(cluster, [&](char32_t, size_t begin, size_t end) {
      const std::string_view character = cluster.substr(begin, end - begin);
      const auto match = step.charsmap.shortest_prefix(character, scratch);
      out += match ? match->replacement : character;
    });
  });
  TRY_STATUS(scratch.check());
  TRY_STATUS(check_growth(out, limit));
  text = std::move(out);
  return {};
}

// What SentencePiece makes of the front of `text`.
Charsmap::Match normalize_prefix(const SentencePieceStep& step, std::string_view text,
                                 MatchScratch& scratch) {
  size_t length = 0;
  const auto keep = [&](size_t n, int32_t) { length = n; };
  scratch.spend(step.user_defined.for_each_prefix(text, keep));
  if (length > 0) return {length, text.substr(0, length)};
  if (const auto match = step.charsmap.longest_prefix(text, scratch)) return *match;
  length = utf8::length(text[0]);
  return {length, text.substr(0, length)};
}

Status apply(const SentencePieceStep& step, MatchScratch& scratch, std::string& text, bool&) {
  std::string_view rest = text;
  const std::string_view space = step.escape_whitespaces ? kEscapedSpace : std::string_view(" ");
  while (step.remove_extra_whitespaces && !rest.empty()) {
    const Charsmap::Match match = normalize_prefix(step, rest, scratch);
    if (match.replacement != " ") break;
    rest.remove_prefix(match.length);
  }
  std::string out;
  out.reserve(rest.size() + rest.size() / 2 + space.size());
  if (step.add_dummy_prefix && !rest.empty()) out += space;
  bool after_space = step.remove_extra_whitespaces;
  const size_t limit = growth_limit(text);
  while (!rest.empty() && out.size() <= limit && !scratch.exhausted()) {
    Charsmap::Match match = normalize_prefix(step, rest, scratch);
    rest.remove_prefix(match.length);
    while (after_space && match.replacement.starts_with(' ')) match.replacement.remove_prefix(1);
    for (const char c : match.replacement) {
      if (c == ' ') {
        out += space;
      } else {
        out += c;
      }
    }
    if (!match.replacement.empty()) {
      after_space = step.remove_extra_whitespaces && match.replacement.ends_with(' ');
    }
  }
  TRY_STATUS(scratch.check());
  TRY_STATUS(check_growth(out, limit));
  while (step.remove_extra_whitespaces && out.ends_with(space))
    out.erase(out.size() - space.size());
  text = std::move(out);
  return {};
}

}  // namespace

Result<Normalizer::Text> Normalizer::run(std::string_view text, MatchScratch& scratch) const {
  if (text.size() > kMaxBytes) {
    return make_error(ErrorCode::kInvalidArgument, "the text has {} bytes; at most {} are allowed",
                      text.size(), kMaxBytes);
  }
  Text out{std::string(text)};
  for (const NormalizerStep& step : steps_) {
    TRY_STATUS(
        std::visit([&](const auto& s) { return apply(s, scratch, out.text, out.at_start); }, step));
    TRY_STATUS(check_growth(out.text, growth_limit(text)));
  }
  return out;
}

}  // namespace chitu
