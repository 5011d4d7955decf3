// Tokens that stand outside the model: "<|im_end|>" and the like, found in the text as a whole
// before anything else looks at it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/regex.h"
#include "text/trie.h"

namespace chitu {

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool special = false;      // control, not text: left out by decode(skip_special)
  bool single_word = false;  // only where no word character stands beside it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and after it
  bool normalized = false;   // looked for in the normalized text, not in the text as given
};

class AddedTokens {
 public:
  enum class Phase { kGiven, kNormalized };

  // A stretch of text, or the token that stands there.
  struct Segment {
    std::string_view text;
    const AddedToken* token;  // nullptr: text
  };

  // `pattern` is what is looked for: the content, for normalized tokens as the normalizer leaves
  // it. Of two tokens with one id, one content or one pattern the later counts.
  void add(AddedToken token, std::string_view pattern);

  // Cuts `text` at the longest leftmost tokens of the phase; empty stretches are left out.
  // parse_special == false leaves special tokens in the text. Errors: the scratch is exhausted.
  Status split(std::string_view text, Phase phase, bool parse_special, MatchScratch& scratch,
               std::vector<Segment>& out) const;

  const AddedToken* find(int32_t id) const;
  const AddedToken* find(std::string_view content) const;
  size_t size() const { return tokens_.size(); }

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<int32_t, size_t> by_id_;
  std::map<std::string, size_t, std::less<>> by_content_;
  Trie given_;  // values: indices into tokens_
  Trie normalized_;
};

}  // namespace chitu
