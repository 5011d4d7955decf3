#include "text/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

using ::testing::ElementsAre;

const std::string kBad(utf8::kReplacement);

// What each token hands on, then the rest.
std::vector<std::string> stream(std::vector<DecoderStep> steps,
                                const std::vector<std::string>& tokens, bool added = false) {
  auto decoder = Decoder::create(std::move(steps));
  EXPECT_TRUE(decoder.ok()) << decoder.error().message;
  std::vector<std::string> out;
  if (!decoder) return out;
  Decoder::State state = decoder->begin();
  for (const std::string& token : tokens) decoder->push(state, token, added, out.emplace_back());
  decoder->flush(state, out.emplace_back());
  return out;
}

std::vector<DecoderStep> llama() {
  return {ReplaceDecode{"▁", " "}, ByteFallbackDecode{}, FuseDecode{},
          StripDecode{.content = ' ', .start = 1}};
}

TEST(Decoder, ByteLevelWaitsForWholeCharacters) {
  EXPECT_THAT(stream({ByteLevelDecode{}}, {"Ġa", "Ã", "©", "Ã", "b"}),
              ElementsAre(" a", "", "é", "", kBad + "b", ""));
  EXPECT_THAT(stream({ByteLevelDecode{}}, {"a", "ðŁ", "İ"}), ElementsAre("a", "", "", kBad));
}

TEST(Decoder, ByteLevelLeavesOtherCharactersAlone) {
  EXPECT_THAT(stream({ByteLevelDecode{}}, {"<｜x｜>", "a b"}), ElementsAre("<｜x｜>", "a b", ""));
  EXPECT_THAT(stream({ByteLevelDecode{}}, {"Ġ"}, true), ElementsAre(" ", ""));
  EXPECT_THAT(stream({ByteLevelDecode{.added_are_text = true}}, {"Ġ"}, true), ElementsAre("Ġ", ""));
}

TEST(Decoder, BytesFallBackToCharacters) {
  EXPECT_THAT(stream(llama(), {"▁a", "<0xE4>", "<0xBD>", "<0xA0>", "▁b"}),
              ElementsAre("a", "", "", "你", " b", ""));
  EXPECT_THAT(stream(llama(), {"<0xE4>", "<0xBD>", "x"}),
              ElementsAre("", "", kBad + kBad + "x", ""));
  EXPECT_THAT(stream(llama(), {"<0x41>", "<0xF0>"}), ElementsAre("A", "", kBad));
  EXPECT_THAT(stream(llama(), {"<0x4>", "<0xZZ>"}), ElementsAre("<0x4>", "<0xZZ>", ""));
}

TEST(Decoder, StripsOnlyTheEndsOfTheFusedText) {
  EXPECT_THAT(stream(llama(), {"▁", "▁▁a", "▁"}), ElementsAre("", "  a", " ", ""));
  EXPECT_THAT(stream({FuseDecode{}, StripDecode{.content = ' ', .start = 1, .stop = 2}},
                     {"  a ", "  ", "b", " ", " ", " "}),
              ElementsAre(" a", " ", "  b", "", "", " ", ""));
}

TEST(Decoder, StripsEveryTokenBeforeTheyAreFused) {
  EXPECT_THAT(stream({StripDecode{.content = '_', .start = 1, .stop = 1}}, {"__a_", "_", "b"}),
              ElementsAre("_a", "", "b", ""));
}

TEST(Decoder, MetaspaceDropsTheFirst) {
  EXPECT_THAT(stream({MetaspaceDecode{"▁"}}, {"▁a", "▁b"}), ElementsAre("a", " b", ""));
  EXPECT_THAT(stream({MetaspaceDecode{"▁", false}}, {"▁a"}), ElementsAre(" a", ""));
}

TEST(Decoder, JoinsByASpaceWithoutASteps) {
  EXPECT_THAT(stream({JoinDecode{}}, {"a", "b"}), ElementsAre("a", " b", ""));
}

TEST(Decoder, GivesTheBytesOfATokenWithinAText) {
  const auto bytes = [](std::vector<DecoderStep> steps, std::string_view token) {
    return Decoder::create(std::move(steps))->bytes(token, false);
  };
  EXPECT_EQ(bytes({ByteLevelDecode{}}, "Ġa"), " a");
  EXPECT_EQ(bytes({ByteLevelDecode{}}, "Ã"), "\xC3");
  EXPECT_EQ(bytes(llama(), "▁a"), " a");
  EXPECT_EQ(bytes(llama(), "<0xE4>"), "\xE4");
  EXPECT_EQ(bytes({MetaspaceDecode{"▁"}}, "▁a"), " a");
}

TEST(Decoder, RefusesOrdersThatCannotStream) {
  EXPECT_FALSE(Decoder::create({FuseDecode{}, ByteFallbackDecode{}}).ok());
  EXPECT_FALSE(Decoder::create({ByteLevelDecode{}, ReplaceDecode{"ab", "c"}}).ok());
  EXPECT_TRUE(Decoder::create({ByteLevelDecode{}, ReplaceDecode{"é", "e"}}).ok());
}

// What is held is a number, not text that is copied at each token: quadratic work would take hours.
TEST(Decoder, HoldsAMillionCharactersWithoutCopyingThem) {
  const size_t count = 1000000;
  auto decoder = Decoder::create({FuseDecode{}, StripDecode{.content = ' ', .stop = count}});
  ASSERT_TRUE(decoder.ok());
  Decoder::State state = decoder->begin();
  std::string out;
  for (size_t i = 0; i < count; ++i) decoder->push(state, " ", false, out);
  EXPECT_EQ(out, "");
  decoder->push(state, "  ", false, out);
  EXPECT_EQ(out, "  ");
  decoder->push(state, "a", false, out);
  EXPECT_EQ(out.size(), count + 3);
}

TEST(Decoder, RefusesReplacementsThatBlowATokenUp) {
  const std::string long_text(60, 'a');
  EXPECT_TRUE(Decoder::create({ReplaceDecode{"a", long_text}}).ok());
  EXPECT_TRUE(Decoder::create({ReplaceDecode{"aaa", " "}, ReplaceDecode{"b", long_text}}).ok());
  auto decoder = Decoder::create({ReplaceDecode{"a", long_text}, ReplaceDecode{"a", "aa"}});
  ASSERT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace chitu
