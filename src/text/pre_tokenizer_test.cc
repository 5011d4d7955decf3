#include "text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "text/unicode.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;

template <class... Steps>
std::vector<std::string> cut(std::string_view text, bool at_start, Steps... step) {
  std::vector<PreTokenizerStep> steps;
  (steps.emplace_back(std::move(step)), ...);
  MatchScratch scratch(text.size());
  auto pieces = PreTokenizer(std::move(steps)).run(text, at_start, scratch);
  EXPECT_TRUE(pieces.ok());
  std::vector<std::string> out;
  for (const Pieces::Range range : pieces->ranges) out.emplace_back(pieces->piece(range));
  return out;
}

SplitStep split(std::string text, SplitBehavior behavior, bool invert = false) {
  return {Finder(std::move(text)), behavior, invert};
}

TEST(PreTokenizer, SplitsInFiveWays) {
  const std::string text = "-a--b-";
  EXPECT_THAT(cut(text, true, split("-", SplitBehavior::kRemoved)), ElementsAre("a", "b"));
  EXPECT_THAT(cut(text, true, split("-", SplitBehavior::kIsolated)),
              ElementsAre("-", "a", "-", "-", "b", "-"));
  EXPECT_THAT(cut(text, true, split("-", SplitBehavior::kMergedWithPrevious)),
              ElementsAre("-", "a-", "-", "b-"));
  EXPECT_THAT(cut(text, true, split("-", SplitBehavior::kMergedWithNext)),
              ElementsAre("-a", "-", "-b", "-"));
  EXPECT_THAT(cut(text, true, split("-", SplitBehavior::kContiguous)),
              ElementsAre("-", "a", "--", "b", "-"));
  EXPECT_THAT(cut(text, true, split("-", SplitBehavior::kRemoved, true)),
              ElementsAre("-", "-", "-", "-"));
}

TEST(PreTokenizer, EachStepSeesThePiecesOfTheLast) {
  EXPECT_THAT(
      cut("a1 b22", true, SplitStep{Finder(unicode::is_whitespace), SplitBehavior::kRemoved},
          SplitStep{Finder(unicode::is_numeric), SplitBehavior::kContiguous}),
      ElementsAre("a", "1", "b", "22"));
}

TEST(PreTokenizer, WritesBytesAsCharacters) {
  EXPECT_THAT(cut("é", true, PrefixSpaceStep{}, ByteLevelStep{}), ElementsAre("ĠÃ©"));
  EXPECT_THAT(cut(" é", true, PrefixSpaceStep{}, ByteLevelStep{}), ElementsAre("ĠÃ©"));
}

TEST(PreTokenizer, PutsMetaspacesWhereAsked) {
  using Prepend = MetaspaceStep::Prepend;
  EXPECT_THAT(cut("a b", false, MetaspaceStep{"▁", Prepend::kAlways}), ElementsAre("▁a▁b"));
  EXPECT_THAT(cut(" a", true, MetaspaceStep{"▁", Prepend::kAlways}), ElementsAre("▁a"));
  EXPECT_THAT(cut("a", true, MetaspaceStep{"▁", Prepend::kFirst}), ElementsAre("▁a"));
  EXPECT_THAT(cut("a", false, MetaspaceStep{"▁", Prepend::kFirst}), ElementsAre("a"));
  EXPECT_THAT(cut("a", true, MetaspaceStep{"▁", Prepend::kNever}), ElementsAre("a"));
}

// As in `tokenizers`: "first" is what begins the text, not the first piece that is left of it.
TEST(PreTokenizer, PutsTheFirstMetaspaceOnlyAtTheStartOfTheText) {
  const MetaspaceStep first{"▁", MetaspaceStep::Prepend::kFirst};
  const auto words = [] {
    return SplitStep{Finder(unicode::is_whitespace), SplitBehavior::kRemoved};
  };
  EXPECT_THAT(cut("a b", true, words(), first), ElementsAre("▁a", "b"));
  EXPECT_THAT(cut(" a b", true, words(), first), ElementsAre("a", "b"));
  EXPECT_THAT(cut(" a b", true, words(), ByteLevelStep{}, first), ElementsAre("a", "b"));
}

TEST(PreTokenizer, RefusesATextThatIsTooLongWithoutAStep) {
  constexpr size_t kSize = (size_t{512} << 20) + 1;
  const auto unread = std::make_unique_for_overwrite<char[]>(kSize);
  MatchScratch scratch(kSize);
  auto pieces = PreTokenizer().run({unread.get(), kSize}, true, scratch);
  ASSERT_FALSE(pieces.ok());
  EXPECT_EQ(pieces.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chitu
