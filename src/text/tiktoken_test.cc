#include "text/tiktoken.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/base64.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0);
    }
    const size_t used = std::min<size_t>(3, bytes.size() - i) + 1;
    for (size_t k = 0; k < 4; ++k) out += k < used ? kAlphabet[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// As many tokens as Llama 3 has: all bytes, "he", "hel", and others that no text reaches.
std::string llama3_ranks() {
  std::string text;
  int rank = 0;
  const auto add = [&](const std::string& token) {
    text += fmt::format("{} {}\n", base64(token), rank++);
  };
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
  add("he");
  add("hel");
  while (rank < 128000) add(fmt::format("\x01\x02{}", rank));
  return text;
}

TEST(Tiktoken, KnowsLlama3) {
  auto tokenizer = Tokenizer::from_tiktoken(llama3_ranks());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(*tokenizer->encode("hello"), (std::vector<int32_t>{128000, 257, 'l', 'o'}));
  EXPECT_EQ(*tokenizer->encode("he<|eot_id|>", {.add_special_tokens = false}),
            (std::vector<int32_t>{256, 128009}));
  EXPECT_EQ(tokenizer->decode(*tokenizer->encode("hé\x80", {})), "hé\xEF\xBF\xBD");
  EXPECT_THAT(tokenizer->special().eos, ElementsAre(128001, 128009, 128008));
  EXPECT_EQ(tokenizer->vocab_size(), 128256);
}

TEST(Tiktoken, TakesSpecialTokensFromTheConfiguration) {
  auto tokenizer = Tokenizer::from_tiktoken(llama3_ranks(), R"({"added_tokens_decoder":
      {"128000": {"content": "<|begin_of_text|>", "special": true},
       "128004": {"content": "<|other|>", "special": true}}})");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(*tokenizer->encode("<|other|>"), (std::vector<int32_t>{128000, 128004}));
  EXPECT_EQ(tokenizer->vocab_size(), 128005);
}

TEST(Tiktoken, NamesWhatIsWrong) {
  const auto message = [](std::string_view text) {
    auto tokenizer = Tokenizer::from_tiktoken(text);
    return tokenizer.ok() ? "no error" : tokenizer.error().message;
  };
  EXPECT_THAT(message("YQ== 0\nYg== 1\n"), HasSubstr("2 tokens is of no known family"));
  EXPECT_THAT(message("YQ== 0\n!!!! 1\n"), HasSubstr("line 2"));
  EXPECT_THAT(message("YQ== 0\nYg==\n"), HasSubstr("line 2"));
  EXPECT_THAT(message("YQ== 0\nYg== 1x\n"), HasSubstr("line 2"));
  EXPECT_THAT(message("YQ== 0\nYg== 0\n"), HasSubstr("two tokens have the id 0"));
  EXPECT_THAT(message("YQ== 99999999999\n"), HasSubstr("outside the vocabulary"));
  EXPECT_FALSE(is_tiktoken("\x0a\x0e\x0a\x05<unk>"));
  EXPECT_TRUE(is_tiktoken("YQ== 0\r\n"));
}

TEST(Base64, DecodesWithAndWithoutPadding) {
  for (const std::string_view text : {"", "a", "ab", "abc", "\x00\xFF\x80\x7F"}) {
    EXPECT_EQ(decode_base64(base64(text)), text);
  }
  EXPECT_EQ(decode_base64("YWI"), "ab");
  EXPECT_EQ(decode_base64("YWJjZ"), std::nullopt);
  EXPECT_EQ(decode_base64("Y*=="), std::nullopt);
}

}  // namespace
}  // namespace chitu
