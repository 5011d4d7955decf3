#include "text/added_tokens.h"

#include "text/unicode.h"
#include "text/utf8.h"

namespace chitu {
namespace {

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  const std::string_view before = text.substr(0, begin);
  const std::string_view after = text.substr(end);
  return (before.empty() || !unicode::is_word(utf8::code_point(utf8::last_character(before)))) &&
         (after.empty() || !unicode::is_word(utf8::code_point(after)));
}

}  // namespace

void AddedTokens::add(AddedToken token, std::string_view pattern) {
  const size_t index = tokens_.size();
  if (!pattern.empty()) {
    (token.normalized ? normalized_ : given_).add(pattern, static_cast<int32_t>(index));
  }
  by_id_[token.id] = index;
  by_content_[token.content] = index;
  tokens_.push_back(std::move(token));
}

Status AddedTokens::split(std::string_view text, Phase phase, bool parse_special,
                          MatchScratch& scratch, std::vector<Segment>& out) const {
  const Trie& trie = phase == Phase::kGiven ? given_ : normalized_;
  const auto add_text = [&](size_t begin, size_t end) {
    if (begin < end) out.push_back({text.substr(begin, end - begin), nullptr});
  };
  size_t done = 0;
  size_t space_end = 0;  // of the last white space that a token took; the next may stand within it
  for (size_t i = 0; i < text.size() && !trie.empty();) {
    size_t length = 0;
    int32_t index = -1;
    if (trie.may_begin(text[i])) {
      scratch.spend(trie.for_each_prefix(text.substr(i), [&](size_t n, int32_t value) {
        length = n;
        index = value;
      }));
      TRY_STATUS(scratch.check());
    }
    if (index < 0) {
      ++i;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    size_t begin = i;
    size_t end = i += length;
    if (token.special && !parse_special) continue;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.lstrip && begin > done) {
      begin -= unicode::trailing_space(text.substr(done, begin - done));
    }
    if (token.rstrip) {
      if (end >= space_end) space_end = end + unicode::leading_space(text.substr(end));
      end = space_end;
    }
    if (token.lstrip && end <= done) continue;  // nothing of it is left
    add_text(done, begin);
    out.push_back({{}, &token});
    done = end;
  }
  add_text(done, text.size());
  return {};
}

const AddedToken* AddedTokens::find(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(content);
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

}  // namespace chitu
