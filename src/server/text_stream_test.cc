#include "server/text_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "text/byte_level.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;

enum Token : int32_t { kEnd, kA, kB, kC, kSpaceC, kThumb1, kThumb2, kNumTokens };

const std::string kThumb = "\xF0\x9F\x91\x8D";  // a character that two tokens share

Tokenizer tokenizer() {
  std::vector<std::string> texts = {"<|endoftext|>", "a", "b", "c"};
  for (const std::string& bytes : {std::string(" c"), kThumb.substr(0, 2), kThumb.substr(2)}) {
    byte_level::append_encoded(bytes, texts.emplace_back());
  }
  VocabularySource source;
  source.model = "gpt2";
  source.pre = "smollm";
  source.tokens.assign(texts.begin(), texts.end());
  source.types.assign(texts.size(), VocabularySource::kNormal);
  source.types[0] = VocabularySource::kControl;
  source.eos = 0;
  return Tokenizer::from_vocabulary(source).value();
}

class TextStreamTest : public ::testing::Test {
 protected:
  TextStream stream(TextStreamOptions options) { return {tokenizer_, std::move(options)}; }

  // The text of each piece, until the stream has finished; the last token ends the answer.
  std::vector<std::string> pieces(TextStreamOptions options, const std::vector<int32_t>& tokens,
                                  FinishReason last = FinishReason::kLength) {
    TextStream stream(tokenizer_, std::move(options));
    std::vector<std::string> out;
    for (size_t i = 0; i < tokens.size() && !stream.finished(); ++i) {
      const bool is_last = i + 1 == tokens.size();
      const TextPiece piece = stream.push(tokens[i], is_last ? last : FinishReason::kNone);
      out.push_back(piece.text);
      finish_ = piece.finish;
    }
    return out;
  }

  Tokenizer tokenizer_ = tokenizer();
  FinishReason finish_ = FinishReason::kNone;
};

TEST_F(TextStreamTest, HandsOnWholeCharacters) {
  EXPECT_THAT(pieces({}, {kA, kThumb1, kThumb2, kSpaceC}), ElementsAre("a", "", kThumb, " c"));
  EXPECT_EQ(finish_, FinishReason::kLength);
  EXPECT_THAT(pieces({}, {kA, kThumb1}), ElementsAre("a", "\uFFFD"));
}

TEST_F(TextStreamTest, AStopTokenIsNoText) {
  EXPECT_THAT(pieces({}, {kA, kB}, FinishReason::kStop), ElementsAre("a", ""));
  EXPECT_THAT(pieces({.include_stop = true}, {kA, kB}, FinishReason::kStop), ElementsAre("a", "b"));
  EXPECT_THAT(pieces({.include_stop = true}, {kA, kEnd}, FinishReason::kStop),
              ElementsAre("a", ""));
  EXPECT_THAT(pieces({.include_stop = true, .skip_special = false}, {kEnd}, FinishReason::kStop),
              ElementsAre("<|endoftext|>"));
}

TEST_F(TextStreamTest, HoldsBackTheBeginningOfAStopString) {
  EXPECT_THAT(pieces({.stop = {"abc"}}, {kA, kB, kB}), ElementsAre("", "", "abb"));
  EXPECT_THAT(pieces({.stop = {"abc"}}, {kB, kA, kB, kC, kA}), ElementsAre("b", "", "", ""));
  EXPECT_EQ(finish_, FinishReason::kStop);
  EXPECT_THAT(pieces({.stop = {"abc"}, .include_stop = true}, {kB, kA, kB, kC, kA}),
              ElementsAre("b", "", "", "abc"));
  EXPECT_THAT(pieces({.stop = {kThumb}}, {kA, kThumb1, kThumb2, kA}), ElementsAre("a", "", ""));
}

TEST_F(TextStreamTest, GivesHeldTextOutAtTheEnd) {
  EXPECT_THAT(pieces({.stop = {"abc"}}, {kA, kB}), ElementsAre("", "ab"));
  EXPECT_THAT(pieces({.stop = {"abc"}}, {kA, kEnd}, FinishReason::kStop), ElementsAre("", "a"));
}

TEST_F(TextStreamTest, AStopStringCountsAfterMinTokens) {
  EXPECT_THAT(pieces({.stop = {"a"}, .min_tokens = 2}, {kA, kA, kB, kA, kB}),
              ElementsAre("a", "a", "b", ""));
  EXPECT_THAT(pieces({.stop = {"ab"}, .min_tokens = 1}, {kA, kB, kC}), ElementsAre("", ""));
}

TEST_F(TextStreamTest, EchoesBeforeTheAnswer) {
  EXPECT_THAT(pieces({.echo = "abc", .stop = {"ca"}}, {kA, kB}), ElementsAre("abca", "b"));
}

TEST_F(TextStreamTest, IgnoresTokensAfterTheEnd) {
  TextStream s = stream({.stop = {"b"}});
  s.push(kB, FinishReason::kNone);
  EXPECT_TRUE(s.finished());
  EXPECT_TRUE(s.push(kA, FinishReason::kNone).empty());
  EXPECT_EQ(s.num_tokens(), 1);
}

TEST_F(TextStreamTest, AnEndWithoutATokenGivesTheRest) {
  TextStream s = stream({.stop = {"ab"}});
  s.push(kA, FinishReason::kNone);
  const TextPiece last = s.push(-1, FinishReason::kLength);
  EXPECT_EQ(last.text, "a");
  EXPECT_EQ(s.num_tokens(), 1);
}

TEST_F(TextStreamTest, LogprobsCarryTheBytesOfTheirTokens) {
  TextStream s = stream({.echo = "é"});
  const std::vector<TokenLogprob> first = {{kA, -0.5F}, {kA, -0.5F}, {kSpaceC, -1.0F}};
  TextPiece piece = s.push(kA, FinishReason::kNone, first);
  ASSERT_EQ(piece.tokens.size(), 1U);
  EXPECT_EQ(piece.tokens[0].sampled.bytes, "a");
  EXPECT_EQ(piece.tokens[0].sampled.logprob, -0.5F);
  EXPECT_EQ(piece.tokens[0].text_offset, 1);
  ASSERT_EQ(piece.tokens[0].top.size(), 2U);
  EXPECT_EQ(piece.tokens[0].top[1].bytes, " c");
  const std::vector<TokenLogprob> half = {{kThumb1, -2.0F}};
  piece = s.push(kThumb1, FinishReason::kNone, half);
  ASSERT_EQ(piece.tokens.size(), 1U);
  EXPECT_EQ(piece.tokens[0].sampled.bytes, kThumb.substr(0, 2));
}

TEST_F(TextStreamTest, LogprobsGoWithTheirText) {
  const auto bytes_of = [](const TextPiece& piece) {
    std::vector<std::string> out;
    for (const ScoredToken& token : piece.tokens) out.push_back(token.sampled.bytes);
    return out;
  };
  const auto push = [](TextStream& s, int32_t token) {
    const std::vector<TokenLogprob> logprobs = {{token, -1.0F}};
    return s.push(token, FinishReason::kNone, logprobs);
  };
  TextStream held = stream({.stop = {"ab!"}});
  EXPECT_THAT(bytes_of(push(held, kA)), ElementsAre());
  EXPECT_THAT(bytes_of(push(held, kB)), ElementsAre());
  EXPECT_THAT(bytes_of(push(held, kC)), ElementsAre("a", "b", "c"));
  // The token with the first half of a stop string is shown when it has other text, too.
  TextStream stopped = stream({.stop = {"cb"}});
  push(stopped, kA);
  EXPECT_THAT(bytes_of(push(stopped, kSpaceC)), ElementsAre());
  const TextPiece last = push(stopped, kB);
  EXPECT_EQ(last.text, "");
  EXPECT_THAT(bytes_of(last), ElementsAre(" c"));
}

// However an answer is cut into tokens, and whatever stops it: the pieces are the text up to the
// first stop string, and no more is handed on than is certain.
TEST_F(TextStreamTest, PiecesAddUpToTheTextBeforeTheStop) {
  std::mt19937 random(7);
  for (int round = 0; round < 1000; ++round) {
    std::vector<int32_t> tokens(12);
    for (int32_t& token : tokens) token = 1 + static_cast<int32_t>(random() % (kNumTokens - 1));
    const std::string whole = tokenizer_.decode(tokens);
    const std::vector<std::string> stops = {"ab", "bca", "c c", kThumb, "\uFFFD", "never"};
    const std::string& stop = stops[random() % stops.size()];
    std::string text;
    for (const std::string& piece : pieces({.stop = {stop}}, tokens)) text += piece;
    EXPECT_EQ(text, whole.substr(0, whole.find(stop)));
  }
}

}  // namespace
}  // namespace chitu
