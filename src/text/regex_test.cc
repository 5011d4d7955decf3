#include "text/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> matches(std::string_view pattern, std::string_view text) {
  auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.ok()) << regex.error().message;
  if (!regex) return {};
  MatchScratch scratch(text.size());
  std::vector<std::string> found;
  const Status status = regex->for_each(text, scratch, [&](size_t begin, size_t end) {
    found.emplace_back(text.substr(begin, end - begin));
  });
  EXPECT_TRUE(status.ok());
  return found;
}

std::string error_of(std::string_view pattern) {
  auto regex = Regex::compile(pattern);
  return regex.ok() ? "" : regex.error().message;
}

TEST(Regex, FindsWordsOfAnyScript) {
  EXPECT_THAT(matches(R"(\p{L}+|\p{N})", "año 12 мир"), ElementsAre("año", "1", "2", "мир"));
  EXPECT_THAT(matches(R"((?i:'s|'t))", "'S 'ſ 't"), ElementsAre("'S", "'ſ", "'t"));
  EXPECT_THAT(matches(R"(\s+(?!\S)|\s+)", "a   b "), ElementsAre("  ", " ", " "));
}

TEST(Regex, TakesWhiteSpaceAsUnicodeDefinesIt) {
  EXPECT_THAT(matches(R"(\s)", "\u0085\u00a0\u1680\u2003\u2028\u202f\u205f\u3000").size(), 8u);
  EXPECT_THAT(matches(R"(\s)", "\u180e\u200b\ufeff\x1c"), ElementsAre());
  EXPECT_THAT(matches(R"([^\s]+)", "a\u180e\u0085"), ElementsAre("a\u180e"));
  EXPECT_THAT(matches(R"([^\S\n]+)", "a \t\n"), ElementsAre(" \t"));
}

TEST(Regex, TakesWordsAndDigitsAsOnigurumaDoes) {
  EXPECT_THAT(matches(R"(\w+)", "e\u0301_1²"), ElementsAre("e\u0301_1"));
  EXPECT_THAT(matches(R"(\d+)", "1٢²"), ElementsAre("1٢"));
  EXPECT_THAT(matches(R"(\h+)", "xBeEf "), ElementsAre("BeEf"));
  EXPECT_THAT(matches(R"(\u4F60)", "你"), ElementsAre("你"));
}

TEST(Regex, FlattensNestedClasses) {
  EXPECT_THAT(matches(R"( ?[^(\s|[.,!?…。])]+)", "ab, cd. (ef)"), ElementsAre("ab", " cd", "ef"));
  EXPECT_THAT(matches(R"([]a]+)", "b]a"), ElementsAre("]a"));
  EXPECT_THAT(matches(R"([[:digit:]x]+)", "1x2"), ElementsAre("1x2"));
}

TEST(Regex, StepsOverEmptyMatches) {
  EXPECT_THAT(matches("", "éa"), ElementsAre("", "", ""));
  EXPECT_THAT(matches("a*", "baa"), ElementsAre("", "aa"));
}

TEST(Regex, AnchorsAtLines) { EXPECT_THAT(matches(R"(\s+$)", "a  \nb "), ElementsAre("  ", " ")); }

TEST(Regex, RefusesWhatPcre2WouldReadDifferently) {
  EXPECT_THAT(error_of("[a-z&&[^b]]"), HasSubstr("intersection"));
  EXPECT_THAT(error_of("[a[^b]]"), HasSubstr("negated class"));
  EXPECT_THAT(error_of("(*LIMIT_MATCH=1)a"), HasSubstr("verb"));
  EXPECT_THAT(error_of("(?m:a.b)"), HasSubstr("option m"));
  EXPECT_THAT(error_of(R"(\p{N}{1,3}+)"), HasSubstr("after an interval"));
  EXPECT_EQ(error_of(R"(\p{N}+\x{31}+)"), "");
}

// As `tokenizers` 0.23.3 cuts.
TEST(Regex, TakesIntervalsAsOnigurumaDoes) {
  EXPECT_THAT(matches("a{,2}b", "aaabb"), ElementsAre("aab", "b"));
  EXPECT_THAT(matches("a{2,}?", "aaaa"), ElementsAre("aa", "aa"));
  EXPECT_THAT(matches("x{,}", "x{,}"), ElementsAre("x{,}"));
  EXPECT_THAT(error_of("a{2}?"), HasSubstr("'?' after a fixed count"));
}

TEST(Regex, TakesOptionsForTheWholePattern) {
  EXPECT_THAT(matches("(?i)ab|c", "AbC"), ElementsAre("Ab", "C"));
  EXPECT_THAT(error_of("a(?i)b|c"), HasSubstr("options after the beginning at byte 1"));
  EXPECT_EQ(error_of("a(?i:b|c)(?:d)"), "");
}

TEST(Regex, EndsLinesAtLineFeeds) {
  EXPECT_THAT(matches(".+$", "a\r\nb"), ElementsAre("a\r", "b"));
}

TEST(Regex, DoesNotCallCorruptWhatItDoesNotKnow) {
  for (const char* pattern : {R"(\p{Punct})", R"(\p{Nonsense})", R"(\y)", R"(\O)", "[[:word2:]]"}) {
    auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.ok()) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::kUnsupported) << pattern;
    EXPECT_THAT(regex.error().message, HasSubstr("is not supported"));
  }
}

TEST(Regex, NamesWhereAPatternIsWrong) {
  EXPECT_THAT(error_of("(a"), HasSubstr("wrong at byte 2"));
  EXPECT_THAT(error_of("a\\"), HasSubstr("wrong at byte"));
  EXPECT_THAT(error_of(R"(\C)"), HasSubstr("wrong at byte"));
  EXPECT_THAT(error_of(std::string(70000, 'a')), HasSubstr("70000 bytes"));
}

TEST(Regex, GivesUpOnCatastrophicPatterns) {
  auto regex = Regex::compile("(a+)+$|(a|aa)+b");
  ASSERT_TRUE(regex.ok());
  const std::string text = std::string(5000, 'a') + "c";
  MatchScratch scratch(text.size());
  auto match = regex->find(text, 0, scratch);
  ASSERT_FALSE(match.ok());
  EXPECT_EQ(match.error().code, ErrorCode::kResourceExhausted);
}

TEST(Regex, BacktracksThroughLongRuns) {
  const std::string spaces(200000, ' ');
  EXPECT_THAT(matches(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", spaces + "x").size(), 2u);
}

}  // namespace
}  // namespace chitu
