#include "text/trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

using Matches = std::vector<std::pair<size_t, int32_t>>;

Matches prefixes(const Trie& trie, std::string_view text) {
  Matches found;
  trie.for_each_prefix(text,
                       [&](size_t length, int32_t value) { found.emplace_back(length, value); });
  return found;
}

TEST(Trie, FindsThePrefixesShortestFirst) {
  Trie trie;
  EXPECT_TRUE(trie.empty());
  trie.add("abc", 3);
  trie.add("a", 1);
  trie.add("a", 2);
  EXPECT_FALSE(trie.empty());
  EXPECT_TRUE(trie.may_begin('a'));
  EXPECT_FALSE(trie.may_begin('b'));
  EXPECT_THAT(prefixes(trie, "abcd"), ElementsAre(Pair(1, 2), Pair(3, 3)));
  EXPECT_THAT(prefixes(trie, "ab"), ElementsAre(Pair(1, 2)));
  EXPECT_THAT(prefixes(trie, "x"), ElementsAre());
  EXPECT_THAT(prefixes(trie, ""), ElementsAre());
}

TEST(Trie, SaysHowFarItLooked) {
  Trie trie;
  trie.add("aaaa", 0);
  const auto nothing = [](size_t, int32_t) {};
  EXPECT_EQ(trie.for_each_prefix("", nothing), 0u);
  EXPECT_EQ(trie.for_each_prefix("b", nothing), 1u);
  EXPECT_GE(trie.for_each_prefix("aaab", nothing), 3u);
}

TEST(Trie, EqualsAMapOfTheKeys) {
  std::mt19937 random(2);
  const auto some_text = [&](size_t length) {
    std::string text;
    while (text.size() < length) text += static_cast<char>(random() % 3 == 0 ? '\xFF' : 'a');
    return text;
  };
  Trie trie;
  std::map<std::string, int32_t> keys;
  for (int32_t value = 0; value < 3000; ++value) {
    const std::string key = some_text(1 + random() % 14);
    trie.add(key, value);
    keys[key] = value;
  }
  for (int round = 0; round < 300; ++round) {
    const std::string text = some_text(16);
    Matches expected;
    for (size_t n = 1; n <= text.size(); ++n) {
      const auto key = keys.find(text.substr(0, n));
      if (key != keys.end()) expected.emplace_back(n, key->second);
    }
    EXPECT_EQ(prefixes(trie, text), expected);
  }
}

}  // namespace
}  // namespace chitu
