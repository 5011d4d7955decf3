#include "server/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>

namespace chitu {
namespace {

// Feeds the pieces; the position in the whole text where the first match ends and its length.
std::pair<size_t, size_t> first_match(std::vector<std::string> strings,
                                      const std::vector<std::string>& pieces) {
  StopMatcher matcher(std::move(strings));
  size_t begin = 0;
  for (const std::string& piece : pieces) {
    if (const auto match = matcher.feed(piece)) return {begin + match->end, match->length};
    begin += piece.size();
  }
  return {0, 0};
}

TEST(StopMatcher, FindsAStringAcrossPieces) {
  EXPECT_EQ(first_match({"abc"}, {"xa", "b", "cd"}), std::pair(size_t{4}, size_t{3}));
  EXPECT_EQ(first_match({"abc"}, {"ab", "abc"}), std::pair(size_t{5}, size_t{3}));
  EXPECT_EQ(first_match({"aab"}, {"aa", "ab"}), std::pair(size_t{4}, size_t{3}));
  EXPECT_EQ(first_match({"abc"}, {"ab", "ab"}), std::pair(size_t{0}, size_t{0}));
}

TEST(StopMatcher, TakesTheFirstToEndAndTheLongestOfThose) {
  EXPECT_EQ(first_match({"abcd", "bc"}, {"abcd"}), std::pair(size_t{3}, size_t{2}));
  EXPECT_EQ(first_match({"c", "bc", "xbc"}, {"abc"}), std::pair(size_t{3}, size_t{2}));
}

TEST(StopMatcher, HoldsWhatMayBecomeAString) {
  StopMatcher matcher({"abab!", "bc"});
  matcher.feed("xaba");
  EXPECT_EQ(matcher.held(), 3U);
  matcher.feed("c");
  EXPECT_EQ(matcher.held(), 0U);
  matcher.feed("ab");
  EXPECT_EQ(matcher.held(), 2U);
}

TEST(StopMatcher, AStringThatDoesNotCountMayBeginAnother) {
  StopMatcher matcher({"aba"});
  EXPECT_FALSE(matcher.feed("aba", false));
  EXPECT_EQ(matcher.held(), 1U);
  const auto match = matcher.feed("ba");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->end, 2U);
}

// Against a search in the whole text, over all ways to cut it that chance proposes.
TEST(StopMatcher, FindsWhatASearchFinds) {
  std::mt19937 random(1);
  const auto text_of = [&](size_t size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    const std::string text = text_of(20);
    const std::vector<std::string> strings = {text_of(1 + random() % 6), text_of(3 + random() % 6)};
    std::pair<size_t, size_t> wanted{0, 0};
    for (const std::string& string : strings) {
      const size_t at = text.find(string);
      if (at == std::string::npos) continue;
      const std::pair<size_t, size_t> found{at + string.size(), string.size()};
      const bool is_better = wanted.first == 0 || found.first < wanted.first ||
                             (found.first == wanted.first && found.second > wanted.second);
      if (is_better) wanted = found;
    }
    std::vector<std::string> pieces;
    for (size_t i = 0; i < text.size();) {
      pieces.push_back(text.substr(i, 1 + random() % 4));
      i += pieces.back().size();
    }
    EXPECT_EQ(first_match(strings, pieces), wanted)
        << text << ' ' << strings[0] << ' ' << strings[1];
  }
}

}  // namespace
}  // namespace chitu
