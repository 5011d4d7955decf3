#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

VocabularySource small_gpt2() {
  VocabularySource source;
  source.model = "gpt2";
  source.pre = "smollm";
  source.tokens = {
      "<|endoftext|>", "<|im_start|>", "<|im_end|>", "h", "e", "l", "o", "Ġ", "he", "ll",
      "hell",          "hello",        "Ġhello",     "1", "Ã", "©"};
  source.types.assign(source.tokens.size(), VocabularySource::kNormal);
  for (size_t i = 0; i < 3; ++i) source.types[i] = VocabularySource::kControl;
  source.merges = {"h e", "l l", "he ll", "hell o", "Ġ hello"};
  source.eos = 2;
  return source;
}

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                            const EncodeOptions& options = {}) {
  auto ids = tokenizer.encode(text, options);
  EXPECT_TRUE(ids.ok());
  return ids.ok() ? *ids : std::vector<int32_t>();
}

TEST(GgufVocabulary, EncodesAndDecodesByteLevelBpe) {
  auto tokenizer = Tokenizer::from_vocabulary(small_gpt2());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_THAT(encode(*tokenizer, "hello hello11"), ElementsAre(11, 12, 13, 13));
  EXPECT_THAT(encode(*tokenizer, "<|im_start|>hell<|im_end|>"), ElementsAre(1, 10, 2));
  const std::vector<int32_t> ids = {1, 11, 12, 14, 15, 2};
  EXPECT_EQ(tokenizer->decode(ids), "hello helloé");
  EXPECT_EQ(tokenizer->decode(ids, false), "<|im_start|>hello helloé<|im_end|>");
  EXPECT_THAT(tokenizer->special().eos, ElementsAre(2, 0));
}

TEST(GgufVocabulary, LeavesSpecialTokensInTheTextWhenAsked) {
  auto tokenizer = Tokenizer::from_vocabulary(small_gpt2());
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_THAT(encode(*tokenizer, "<|im_end|>hello", {.parse_special = false}), ElementsAre(4, 11));
}

TEST(GgufVocabulary, StreamsOnlyWholeCharacters) {
  auto tokenizer = Tokenizer::from_vocabulary(small_gpt2());
  ASSERT_TRUE(tokenizer.ok());
  StreamDecoder decoder(*tokenizer);
  EXPECT_EQ(decoder.push(11), "hello");
  EXPECT_EQ(decoder.push(14), "");
  EXPECT_EQ(decoder.push(15), "é");
  EXPECT_EQ(decoder.push(14), "");
  EXPECT_EQ(decoder.flush(), "\xEF\xBF\xBD");
}

TEST(GgufVocabulary, TakesIdsOutsideTheVocabularyForAbsent) {
  VocabularySource source = small_gpt2();
  source.bos = -1;
  source.eos = 99;
  source.padding = 16;
  auto tokenizer = Tokenizer::from_vocabulary(source);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->special().bos, std::nullopt);
  EXPECT_EQ(tokenizer->special().padding, std::nullopt);
  EXPECT_THAT(tokenizer->special().eos, ElementsAre(2, 0));  // by their names
}

TEST(GgufVocabulary, NamesWhatIsWrong) {
  const auto message = [](const VocabularySource& source) {
    auto tokenizer = Tokenizer::from_vocabulary(source);
    return tokenizer.ok() ? "no error" : tokenizer.error().message;
  };
  VocabularySource source = small_gpt2();
  source.merges.push_back("hello x");
  EXPECT_THAT(message(source), HasSubstr("tokenizer.ggml.merges: merge 5 ('hello' 'x'): 'x'"));
  source = small_gpt2();
  source.merges.push_back("hello");
  EXPECT_THAT(message(source), HasSubstr("'hello' is not a pair"));
  source = small_gpt2();
  source.pre = "unheard-of";
  EXPECT_THAT(message(source), HasSubstr("'unheard-of' is not known"));
  source = small_gpt2();
  source.types.pop_back();
  EXPECT_THAT(message(source), HasSubstr("token_type: 15 entries for 16 tokens"));
  source = small_gpt2();
  source.model = "bert";
  EXPECT_THAT(message(source), HasSubstr("'bert' is not supported"));
  source = small_gpt2();
  const std::string huge(5000, 'x');
  source.tokens[3] = huge;
  EXPECT_THAT(message(source), HasSubstr("5000 bytes"));
  source = small_gpt2();
  source.tokens[3] = "\xFF";
  EXPECT_THAT(message(source), HasSubstr("not UTF-8"));
}

TEST(GgufVocabulary, SentencePieceFallsBackToBytes) {
  VocabularySource source;
  source.model = "llama";
  std::vector<std::string> bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(fmt::format("<0x{:02X}>", byte));
  source.tokens = {"<unk>", "<s>", "</s>"};
  source.types = {2, 3, 3};
  source.tokens.insert(source.tokens.end(), bytes.begin(), bytes.end());
  source.types.insert(source.types.end(), bytes.size(), VocabularySource::kByte);
  for (const char* piece : {"▁", "a", "b", "ab", "▁ab", "▁a"}) {
    source.tokens.push_back(piece);
    source.types.push_back(VocabularySource::kNormal);
  }
  source.scores.assign(source.tokens.size(), 0);
  const size_t first = 259;
  for (size_t i = 0; i < 6; ++i) source.scores[first + i] = -static_cast<float>(10 - i);
  source.scores[first + 5] = -20;
  source.bos = 1;
  auto tokenizer = Tokenizer::from_vocabulary(source);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_THAT(encode(*tokenizer, "ab é"), ElementsAre(1, 263, 259, 3 + 0xC3, 3 + 0xA9));
  EXPECT_EQ(tokenizer->decode(encode(*tokenizer, "ab é")), "ab é");
}

}  // namespace
}  // namespace chitu
