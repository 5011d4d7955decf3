// The table of character replacements in a SentencePiece model ("precompiled_charsmap"): a double
// array trie in the layout of the darts-clone library, then the replacements, NUL-terminated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"

namespace chitu {

class Charsmap {
 public:
  struct Match {
    size_t length;  // bytes of the text that are replaced
    std::string_view replacement;
  };

  Charsmap() = default;  // replaces nothing

  // `blob`: the size of the trie in bytes (32 bits, little endian), the trie, the replacements.
  static Result<Charsmap> parse(std::string_view blob);

  bool empty() const { return units_.empty(); }

  // The shortest and the longest entry that `text` begins with. Each takes steps of the scratch.
  std::optional<Match> shortest_prefix(std::string_view text, MatchScratch& scratch) const;
  std::optional<Match> longest_prefix(std::string_view text, MatchScratch& scratch) const;

 private:
  template <class F>  // f(match), until it is false
  void for_each_prefix(std::string_view text, MatchScratch& scratch, F&& f) const;

  Match match(size_t length, uint32_t value) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace chitu
