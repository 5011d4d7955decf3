#include "text/sentencepiece_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace chitu {
namespace {

using ::testing::HasSubstr;

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out += static_cast<char>(value);
}

std::string field(uint32_t number, std::string_view bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

std::string field(uint32_t number, uint64_t value) { return varint(number << 3) + varint(value); }

std::string piece(std::string_view text, float score, uint64_t type = 1) {
  char bytes[4];
  std::memcpy(bytes, &score, sizeof bytes);
  return field(1, field(1, text) + varint(2 << 3 | 5) + std::string(bytes, 4) + field(3, type));
}

std::string small_model() {
  return piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) + piece("▁", -3) +
         piece("a", -4) + piece("▁a", -1) + field(2, field(3, uint64_t{2}));
}

TEST(SentencePieceModel, ReadsPiecesAndSettings) {
  const std::string bytes = small_model() + field(3, field(3, uint64_t{0}));
  auto model = parse_sentencepiece(bytes);
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_EQ(model->vocabulary.pieces.size(), 6u);
  EXPECT_EQ(model->vocabulary.pieces[5].text, "▁a");
  EXPECT_EQ(model->vocabulary.pieces[5].score, -1.0f);
  EXPECT_FALSE(model->vocabulary.unigram);
  EXPECT_FALSE(model->vocabulary.add_dummy_prefix);
  EXPECT_EQ(model->bos, 1);
  EXPECT_EQ(model->eos, 2);
  EXPECT_EQ(model->padding, std::nullopt);
}

TEST(SentencePieceModel, PutsABosBeforeATextUnlessToldOtherwise) {
  auto tokenizer = Tokenizer::from_sentencepiece(small_model());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(*tokenizer->encode("a a"), (std::vector<int32_t>{1, 5, 5}));
  EXPECT_EQ(*tokenizer->encode("a</s>a"), (std::vector<int32_t>{1, 5, 2, 5}));
  auto bare = Tokenizer::from_sentencepiece(
      small_model(), R"({"add_bos_token": false, "add_eos_token": true, "eos_token": "</s>"})");
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(*bare->encode("a"), (std::vector<int32_t>{5, 2}));
}

// One beside the model's pieces, one that names a piece anew, one that the model has.
TEST(SentencePieceModel, TakesTheAddedTokensOfTheConfiguration) {
  auto tokenizer = Tokenizer::from_sentencepiece(small_model() + piece("[UNUSED]", 0, 3), R"({
      "eos_token": "<|end|>",
      "added_tokens_decoder": {
        "1": {"content": "<s>", "special": true},
        "6": {"content": "<|user|>", "special": true, "rstrip": true},
        "7": {"content": "<|end|>", "special": true, "normalized": true}}})");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(*tokenizer->encode("<|user|>  a<|end|>a<s>"), (std::vector<int32_t>{1, 6, 5, 7, 5, 1}));
  EXPECT_EQ(tokenizer->special().eos, std::vector<int32_t>{7});
  EXPECT_EQ(tokenizer->vocab_size(), 8);
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{6, 5, 7}, false), "<|user|> a<|end|>");
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{6, 5, 7}), "a");
}

std::string error_of(const std::string& bytes) {
  auto tokenizer = Tokenizer::from_sentencepiece(bytes);
  return tokenizer.ok() ? "no error" : tokenizer.error().message;
}

TEST(SentencePieceModel, RefusesWhatIsNone) {
  EXPECT_THAT(error_of(""), HasSubstr("has no pieces"));
  EXPECT_THAT(error_of("hello"), HasSubstr("malformed"));
  EXPECT_THAT(error_of(varint(1 << 3 | 2) + varint(UINT64_MAX)), HasSubstr("malformed"));
  EXPECT_THAT(error_of(std::string(20, '\xFF')), HasSubstr("malformed"));
  EXPECT_THAT(error_of(piece("a", 0) + field(2, field(3, uint64_t{3}))),
              HasSubstr("model_type: 3 is not supported"));
  EXPECT_THAT(error_of(small_model() + field(2, field(24, uint64_t{1}))),
              HasSubstr("treat_whitespace_as_suffix"));
  EXPECT_THAT(error_of(small_model() + piece("b", NAN)), HasSubstr("score of piece 6"));
  EXPECT_THAT(error_of(small_model() + field(3, field(2, "abcde"))), HasSubstr("charsmap"));
  EXPECT_THAT(error_of(piece("a", -1)), HasSubstr("unknown token"));
  EXPECT_THAT(error_of(small_model() + piece("", 0, 3)), HasSubstr("piece 6 is empty"));
}

TEST(SentencePieceModel, RefusesTooManyPieces) {
  std::string bytes = small_model();
  const std::string control = piece("c", 0, 3);
  for (size_t i = 0; i < kMaxTokens; ++i) bytes += control;
  EXPECT_THAT(error_of(bytes), HasSubstr("more than 1048576 pieces"));
}

// Cut anywhere, the file gives an error or a tokenizer, and nothing else.
TEST(SentencePieceModel, SurvivesTruncation) {
  const std::string bytes = small_model();
  for (size_t n = 0; n < bytes.size(); ++n) {
    auto tokenizer = Tokenizer::from_sentencepiece(bytes.substr(0, n));
    if (tokenizer.ok()) {
      EXPECT_TRUE(tokenizer->encode("a b").ok());
    }
  }
}

}  // namespace
}  // namespace chitu
