#include "text/charsmap.h"

#include <gtest/gtest.h>

#include <random>

namespace chitu {
namespace {

std::string bytes_of(const std::vector<uint32_t>& units) {
  std::string bytes;
  for (const uint32_t unit : units) {
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(unit >> shift & 0xFF);
  }
  return bytes;
}

// "a" -> "xy", "ab" -> "z": unit = offset << 10 | leaf << 8 | label.
std::string small_map() {
  std::vector<uint32_t> units(256, 0);
  units[0] = 1 << 10;                                     // root: children at 1 ^ byte
  units[1 ^ 'a'] = ((1 ^ 'a') ^ 4) << 10 | 1 << 8 | 'a';  // children and value at 4
  units[4] = 0x80000000u | 0;                             // "xy"
  units[4 ^ 'b'] = ((4 ^ 'b') ^ 8) << 10 | 1 << 8 | 'b';
  units[8] = 0x80000000u | 3;  // "z"
  const std::string trie = bytes_of(units);
  return bytes_of({static_cast<uint32_t>(trie.size())}) + trie + std::string("xy\0z\0", 5);
}

TEST(Charsmap, FindsTheShortestAndTheLongestEntry) {
  MatchScratch scratch(0);
  auto map = Charsmap::parse(small_map());
  ASSERT_TRUE(map.ok()) << map.error().message;
  ASSERT_TRUE(map->shortest_prefix("abc", scratch));
  EXPECT_EQ(map->shortest_prefix("abc", scratch)->replacement, "xy");
  EXPECT_EQ(map->longest_prefix("abc", scratch)->replacement, "z");
  EXPECT_EQ(map->longest_prefix("abc", scratch)->length, 2u);
  EXPECT_EQ(map->longest_prefix("ac", scratch)->replacement, "xy");
  EXPECT_FALSE(map->longest_prefix("b", scratch));
  EXPECT_FALSE(map->longest_prefix("", scratch));
}

TEST(Charsmap, EmptyReplacesNothing) {
  MatchScratch scratch(0);
  auto map = Charsmap::parse("");
  ASSERT_TRUE(map.ok());
  EXPECT_FALSE(map->longest_prefix("a", scratch));
}

TEST(Charsmap, RefusesSizesThatDoNotFit) {
  EXPECT_FALSE(Charsmap::parse("abc").ok());
  EXPECT_FALSE(Charsmap::parse(bytes_of({0})).ok());
  EXPECT_FALSE(Charsmap::parse(bytes_of({8, 0})).ok());
  EXPECT_FALSE(Charsmap::parse(bytes_of({3, 0})).ok());
  EXPECT_FALSE(Charsmap::parse(bytes_of({UINT32_MAX, 0})).ok());
}

// A megabyte that is no UTF-8 is read at each lookup.
TEST(Charsmap, CountsTheReplacementsItReads) {
  std::string blob = small_map();
  blob.resize(blob.size() - 5);
  blob += std::string(1 << 20, '\xFF');
  auto map = Charsmap::parse(blob);
  ASSERT_TRUE(map.ok());
  MatchScratch scratch(0);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(map->longest_prefix("a", scratch));
  EXPECT_TRUE(scratch.exhausted());
  EXPECT_FALSE(scratch.check().ok());
}

// Whatever the table says, lookups stay inside it and give whole characters.
TEST(Charsmap, SurvivesRandomTables) {
  MatchScratch scratch(0);
  std::mt19937 random(9);
  for (int round = 0; round < 300; ++round) {
    std::string blob = small_map();
    for (int i = 0; i < 40; ++i)
      blob[4 + random() % (blob.size() - 4)] = static_cast<char>(random());
    auto map = Charsmap::parse(blob);
    ASSERT_TRUE(map.ok());
    for (const std::string_view text : {"abc", "é", "\x01\x02", "你好"}) {
      const auto match = map->longest_prefix(text, scratch);
      if (match) {
        EXPECT_LE(match->length, text.size());
      }
    }
  }
}

}  // namespace
}  // namespace chitu
