#include "text/normalizer.h"

#include <gtest/gtest.h>

#include <memory>

namespace chitu {
namespace {

template <class Step>
Result<std::string> normalize(Step step, std::string_view text) {
  std::vector<NormalizerStep> steps;
  steps.emplace_back(std::move(step));
  MatchScratch scratch(text.size());
  TRY(out, Normalizer(std::move(steps)).run(text, scratch));
  return std::move(out.text);
}

// Whether the result begins with the first character of `text`.
template <class Step>
bool keeps_start(Step step, std::string_view text) {
  std::vector<NormalizerStep> steps;
  steps.emplace_back(std::move(step));
  MatchScratch scratch(text.size());
  auto out = Normalizer(std::move(steps)).run(text, scratch);
  return out.ok() && out->at_start;
}

template <class Step>
std::string run(Step step, std::string_view text) {
  auto out = normalize(std::move(step), text);
  EXPECT_TRUE(out.ok());
  return out.ok() ? *out : "";
}

TEST(Normalizer, AppliesTheFourForms) {
  EXPECT_EQ(run(UnicodeStep{unicode::Form::kNfc}, "e\u0301ﬁ"), "éﬁ");
  EXPECT_EQ(run(UnicodeStep{unicode::Form::kNfd}, "éﬁ"), "e\u0301ﬁ");
  EXPECT_EQ(run(UnicodeStep{unicode::Form::kNfkc}, "e\u0301ﬁ"), "éfi");
  EXPECT_EQ(run(UnicodeStep{unicode::Form::kNfkd}, "éﬁ"), "e\u0301fi");
}

TEST(Normalizer, LowersCharacterByCharacter) {
  EXPECT_EQ(run(LowercaseStep{}, "ΌΔΟΣ İ ǅ"), "όδοσ i\u0307 ǆ");
}

TEST(Normalizer, ReplacesPrependsAndStrips) {
  EXPECT_EQ(run(ReplaceStep{Finder(std::string(" ")), "▁"}, " a b"), "▁a▁b");
  EXPECT_EQ(run(ReplaceStep{Finder(std::string("aa")), "b"}, "aaa"), "ba");
  auto spaces = Regex::compile(" {2,}");
  EXPECT_EQ(run(ReplaceStep{Finder(std::move(*spaces)), ""}, "a  b c   "), "ab c");
  EXPECT_EQ(run(PrependStep{"▁"}, "a"), "▁a");
  EXPECT_EQ(run(PrependStep{"▁"}, ""), "");
  EXPECT_EQ(run(StripStep{}, "\u3000 a \n"), "a");
  EXPECT_EQ(run(StripStep{.right = false}, " \n"), "");
  EXPECT_EQ(run(StripAccentsStep{}, "e\u0301a"), "ea");
}

TEST(Normalizer, SaysWhetherTheFirstCharacterIsLeft) {
  EXPECT_TRUE(keeps_start(StripStep{}, "a "));
  EXPECT_FALSE(keeps_start(StripStep{}, " a"));
  EXPECT_TRUE(keeps_start(StripStep{.left = false}, " a"));
  EXPECT_TRUE(keeps_start(StripAccentsStep{}, "e\u0301"));
  EXPECT_FALSE(keeps_start(StripAccentsStep{}, "\u0301e"));
  EXPECT_FALSE(keeps_start(NmtStep{},
                           "\x01"
                           "a"));
  EXPECT_TRUE(keeps_start(ReplaceStep{Finder(std::string(" ")), "_"}, " a"));
  EXPECT_FALSE(keeps_start(ReplaceStep{Finder(std::string(" ")), ""}, " a"));
  EXPECT_TRUE(keeps_start(ReplaceStep{Finder(std::string(" ")), ""}, "a "));
}

TEST(Normalizer, CleansAsNmtDoes) { EXPECT_EQ(run(NmtStep{}, "a\tb\x01\u200bc\x7f"), "a b c"); }

SentencePieceStep sentencepiece() {
  SentencePieceStep step;
  step.user_defined.add("< >", 0);
  return step;
}

TEST(Normalizer, TreatsSpacesAsSentencePieceDoes) {
  EXPECT_EQ(run(sentencepiece(), "  a  b  "), "▁a▁b");
  EXPECT_EQ(run(sentencepiece(), "   "), "");
  EXPECT_EQ(run(sentencepiece(), "a< >b"), "▁a<▁>b");
  SentencePieceStep keep = sentencepiece();
  keep.remove_extra_whitespaces = false;
  EXPECT_EQ(run(std::move(keep), " a  b "), "▁▁a▁▁b▁");
  SentencePieceStep bare = sentencepiece();
  bare.add_dummy_prefix = false;
  bare.escape_whitespaces = false;
  EXPECT_EQ(run(std::move(bare), " a  b "), "a b");
}

// Each of 100,000 places almost begins the piece: 64 steps a byte are allowed.
TEST(Normalizer, RefusesTextsThatAlmostMatchPiecesEverywhere) {
  SentencePieceStep step;
  step.user_defined.add(std::string(4095, 'a') + "b", 0);
  auto out = normalize(std::move(step), std::string(100000, 'a'));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, ErrorCode::kResourceExhausted);
}

TEST(Normalizer, RefusesToBlowUpAText) {
  auto out = normalize(ReplaceStep{Finder(std::string("a")), std::string(4096, 'x')},
                       std::string(100000, 'a'));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, ErrorCode::kResourceExhausted);
}

TEST(Normalizer, RefusesTextsThatAreTooLong) {
  const auto unread = std::make_unique_for_overwrite<char[]>(Normalizer::kMaxBytes + 1);
  auto out = normalize(LowercaseStep{}, {unread.get(), Normalizer::kMaxBytes + 1});
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, ErrorCode::kInvalidArgument);
  // In proportion, but longer than the limit.
  const std::string half(Normalizer::kMaxBytes / 16, 'a');
  out = normalize(ReplaceStep{Finder(std::string("a")), std::string(17, 'x')}, half);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace chitu
