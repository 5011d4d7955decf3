#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <thread>

#include "text/stream_decoder.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;

Result<Tokenizer> load(const char* family) {
  return Tokenizer::from_directory(std::filesystem::path(CHITU_SOURCE_DIR) /
                                   "tests/golden/tokenizers/data" / family);
}

TEST(Tokenizer, ReadsBytesThatAreNotUtf8AsReplacementCharacters) {
  auto tokenizer = load("smollm2");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(*tokenizer->encode("a\xFF\xE4\xBD b"), *tokenizer->encode("a\uFFFD\uFFFD b"));
  EXPECT_EQ(tokenizer->decode(*tokenizer->encode("\xF0\x9F")), "\uFFFD");
}

TEST(Tokenizer, RefusesTextsThatAreTooLong) {
  auto tokenizer = load("smollm2");
  ASSERT_TRUE(tokenizer.ok());
  auto ids = tokenizer->encode(std::string(Tokenizer::kMaxTextBytes + 1, ' '));
  ASSERT_FALSE(ids.ok());
  EXPECT_THAT(ids.error().message, HasSubstr("at most 67108864"));
}

// A megabyte of one character, and of others around it, through every kind of tokenizer.
TEST(Tokenizer, RepeatedCharactersTakeNoQuadraticTime) {
  for (const char* family :
       {"smollm2", "qwen2", "llama2", "mistral", "unigram", "sentencepiece_bpe"}) {
    auto tokenizer = load(family);
    ASSERT_TRUE(tokenizer.ok());
    for (const std::string_view unit : {"a", " ", "\n", "é", "0"}) {
      std::string text;
      while (text.size() < 1000000) text += unit;
      auto ids = tokenizer->encode(text, {.add_special_tokens = false});
      ASSERT_TRUE(ids.ok()) << family << ": " << ids.error().message;
      // Some drop a space in front, and unigram what is no word.
      const size_t decoded = tokenizer->decode(*ids).size();
      EXPECT_TRUE(decoded + 1 >= text.size() || std::string_view(family) == "unigram") << family;
    }
  }
}

TEST(Tokenizer, KnowsItsTokens) {
  auto tokenizer = load("llama3");
  ASSERT_TRUE(tokenizer.ok());
  const auto id = tokenizer->find("<|im_end|>");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(tokenizer->token(*id), "<|im_end|>");
  EXPECT_TRUE(tokenizer->is_special(*id));
  EXPECT_FALSE(tokenizer->is_special(*tokenizer->find("a")));
  EXPECT_EQ(tokenizer->find("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer->token(-1), "");
  EXPECT_EQ(tokenizer->token(tokenizer->vocab_size()), "");
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{-5, 1 << 30, INT32_MIN}), "");
}

TEST(Tokenizer, ServesThreadsAtOnce) {
  for (const char* family : {"deepseek_v3", "unigram"}) {
    auto tokenizer = load(family);
    ASSERT_TRUE(tokenizer.ok());
    std::string text;
    for (int i = 0; i < 200; ++i) text += "Some words, 123 numbers; und Wörter 你好 \n";
    const std::vector<int32_t> expected = *tokenizer->encode(text);
    std::vector<std::thread> threads;
    std::array<bool, 4> equal{};
    for (bool& result : equal) {
      threads.emplace_back([&] {
        result = true;
        for (int i = 0; i < 5; ++i) result = result && *tokenizer->encode(text) == expected;
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const bool result : equal) EXPECT_TRUE(result);
  }
}

TEST(StreamDecoder, BeginsANewTextAfterFlush) {
  auto tokenizer = load("llama2");
  ASSERT_TRUE(tokenizer.ok());
  const std::vector<int32_t> ids = *tokenizer->encode("a 你 b", {.add_special_tokens = false});
  StreamDecoder decoder(*tokenizer);
  for (int round = 0; round < 2; ++round) {
    std::string text;
    for (const int32_t id : ids) text += decoder.push(id);
    EXPECT_EQ(text + decoder.flush(), "a 你 b");
  }
}

}  // namespace
}  // namespace chitu
