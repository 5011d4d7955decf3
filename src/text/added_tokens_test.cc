#include "text/added_tokens.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using ::testing::ElementsAre;
using Phase = AddedTokens::Phase;

AddedTokens some_tokens() {
  AddedTokens tokens;
  const auto add = [&](AddedToken token) {
    const std::string pattern = token.content;
    tokens.add(std::move(token), pattern);
  };
  add({.content = "<s>", .id = 1, .special = true});
  add({.content = "<s>>", .id = 2});
  add({.content = "kept", .id = 3, .single_word = true});
  add({.content = "<m>", .id = 4, .lstrip = true});
  add({.content = "<r>", .id = 5, .rstrip = true});
  add({.content = "norm", .id = 6, .normalized = true});
  return tokens;
}

std::vector<std::string> cut(std::string_view text, Phase phase = Phase::kGiven,
                             bool special = true) {
  const AddedTokens tokens = some_tokens();
  std::vector<AddedTokens::Segment> segments;
  MatchScratch scratch(text.size());
  EXPECT_TRUE(tokens.split(text, phase, special, scratch, segments).ok());
  std::vector<std::string> out;
  for (const auto& segment : segments) {
    out.push_back(segment.token != nullptr ? fmt::format("#{}", segment.token->id)
                                           : std::string(segment.text));
  }
  return out;
}

TEST(AddedTokens, TakesTheLongestAtTheLeftmostPlace) {
  EXPECT_THAT(cut("a<s>b<s>>"), ElementsAre("a", "#1", "b", "#2"));
  EXPECT_THAT(cut("<s><s><"), ElementsAre("#1", "#1", "<"));
  EXPECT_THAT(cut(""), ElementsAre());
}

TEST(AddedTokens, TakesTheLaterOfTwoTokensWithOneContent) {
  AddedTokens tokens;
  tokens.add({.content = "<s>", .id = 1}, "<s>");
  tokens.add({.content = "<s>", .id = 2}, "<s>");
  EXPECT_EQ(tokens.find("<s>")->id, 2);
  EXPECT_EQ(tokens.find("<t>"), nullptr);
  EXPECT_EQ(tokens.find(2)->content, "<s>");
}

TEST(AddedTokens, LeavesSpecialTokensInPlainText) {
  EXPECT_THAT(cut("a<s>b<s>>", Phase::kGiven, false), ElementsAre("a<s>b", "#2"));
}

TEST(AddedTokens, FindsSingleWordsOnlyAlone) {
  EXPECT_THAT(cut("kept, kept"), ElementsAre("#3", ", ", "#3"));
  EXPECT_THAT(cut("kepts xkept ékept kept_"), ElementsAre("kepts xkept ékept kept_"));
}

TEST(AddedTokens, TakesWhiteSpaceAround) {
  EXPECT_THAT(cut("a \u3000<m> b"), ElementsAre("a", "#4", " b"));
  EXPECT_THAT(cut("a <r>\n\tb"), ElementsAre("a ", "#5", "b"));
  EXPECT_THAT(cut("<r>  <m>"), ElementsAre("#5", "#4"));
}

TEST(AddedTokens, KeepsThePhasesApart) {
  EXPECT_THAT(cut("norm<s>"), ElementsAre("norm", "#1"));
  EXPECT_THAT(cut("norm<s>", Phase::kNormalized), ElementsAre("#6", "<s>"));
}

std::vector<int32_t> ids_of(const std::vector<AddedToken>& added, std::string_view text) {
  AddedTokens tokens;
  for (const AddedToken& token : added) tokens.add(token, token.content);
  std::vector<AddedTokens::Segment> segments;
  MatchScratch scratch(text.size());
  EXPECT_TRUE(tokens.split(text, Phase::kGiven, true, scratch, segments).ok());
  std::vector<int32_t> ids;
  for (const auto& segment : segments) ids.push_back(segment.token ? segment.token->id : 0);
  return ids;
}

// As `tokenizers` 0.23.3 does: a token within the space that the one before took counts again,
// unless it takes the space before it too and so has nothing left.
TEST(AddedTokens, FindsTokensWithinTheSpaceOfAnother) {
  const AddedToken right{.content = "<r>", .id = 1, .rstrip = true};
  EXPECT_THAT(ids_of({right, {.content = "\n", .id = 2}}, "a<r>\n\n\n b"),
              ElementsAre(0, 1, 2, 2, 2, 0));
  EXPECT_THAT(ids_of({{.content = "\n", .id = 2, .rstrip = true}}, "\n \nb"), ElementsAre(2, 2, 0));
  EXPECT_THAT(
      ids_of({right, {.content = "\n", .id = 2, .lstrip = true, .rstrip = true}}, "a<r> \n b\n "),
      ElementsAre(0, 1, 0, 2));
}

// Each of 100,000 places almost begins the token: 64 steps a byte are allowed.
TEST(AddedTokens, RefusesTextsThatAlmostMatchEverywhere) {
  AddedTokens tokens;
  const std::string pattern = std::string(4095, 'a') + "b";
  tokens.add({.content = pattern, .id = 1}, pattern);
  const std::string text(100000, 'a');
  MatchScratch scratch(text.size());
  std::vector<AddedTokens::Segment> segments;
  const Status status = tokens.split(text, Phase::kGiven, true, scratch, segments);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
}

// Quadratic work would take hours.
TEST(AddedTokens, WhiteSpaceTokensTakeNoQuadraticTime) {
  const std::string text(4000000, '\n');
  for (const bool left : {false, true}) {
    AddedTokens tokens;
    tokens.add({.content = "\n", .id = 1, .lstrip = left, .rstrip = !left}, "\n");
    std::vector<AddedTokens::Segment> segments;
    MatchScratch scratch(text.size());
    EXPECT_TRUE(tokens.split(text, Phase::kGiven, true, scratch, segments).ok());
    EXPECT_EQ(segments.size(), text.size());
  }
}

}  // namespace
}  // namespace chitu
