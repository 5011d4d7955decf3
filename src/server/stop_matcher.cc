#include "server/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace chitu {

StopMatcher::StopMatcher(std::vector<std::string> strings) {
  for (std::string& string : strings) {
    Automaton automaton;
    automaton.border.assign(string.size() + 1, 0);
    for (size_t i = 1; i < string.size(); ++i) {
      size_t n = automaton.border[i];
      while (n > 0 && string[n] != string[i]) n = automaton.border[n];
      automaton.border[i + 1] = string[n] == string[i] ? n + 1 : 0;
    }
    automaton.string = std::move(string);
    automata_.push_back(std::move(automaton));
  }
}

void StopMatcher::advance(Automaton& automaton, char c) {
  const std::string& string = automaton.string;
  size_t& n = automaton.matched;
  if (n == string.size()) n = automaton.border[n];
  while (n > 0 && string[n] != c) n = automaton.border[n];
  if (string[n] == c) ++n;
}

std::optional<StopMatcher::Match> StopMatcher::feed(std::string_view piece, bool may_match) {
  for (size_t i = 0; i < piece.size(); ++i) {
    size_t longest = 0;
    for (Automaton& automaton : automata_) {
      advance(automaton, piece[i]);
      const size_t size = automaton.string.size();
      if (automaton.matched == size) longest = std::max(longest, size);
    }
    if (may_match && longest > 0) return Match{.end = i + 1, .length = longest};
  }
  return std::nullopt;
}

size_t StopMatcher::held() const {
  size_t held = 0;
  for (const Automaton& automaton : automata_) {
    const size_t n = automaton.matched;
    // A string that has ended without counting may only begin again.
    held = std::max(held, n == automaton.string.size() ? automaton.border[n] : n);
  }
  return held;
}

}  // namespace chitu
