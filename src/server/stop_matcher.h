// Stop strings in a text that comes in pieces.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chitu {

// Takes time linear in the text and the number of strings, whatever the strings are (Knuth, Morris
// and Pratt's automaton for each), and gives the same result however the text is cut.
class StopMatcher {
 public:
  // REQUIRES: no string is empty
  explicit StopMatcher(std::vector<std::string> strings);

  struct Match {
    size_t end;     // in the piece: after the last byte of the string
    size_t length;  // of the string; it may have begun in an earlier piece
  };
  // The match that ends first, the longest of several; the text after it is not looked at. With
  // may_match false a string that ends in this piece counts as any other text.
  std::optional<Match> feed(std::string_view piece, bool may_match = true);

  // Bytes at the end of the text so far that may be the beginning of a stop string.
  size_t held() const;

 private:
  struct Automaton {
    std::string string;
    std::vector<size_t> border;  // [i]: the longest proper prefix that string[0, i) ends with
    size_t matched = 0;          // bytes of the string that the text ends with
  };
  static void advance(Automaton& automaton, char c);

  std::vector<Automaton> automata_;
};

}  // namespace chitu
