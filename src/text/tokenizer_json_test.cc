#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"

namespace chitu {
namespace {

using ::testing::HasSubstr;

// A file with one of its fields given, the others small and valid.
std::string file(std::string_view model, std::string_view rest = "") {
  return fmt::format(R"({{"model": {}{}{}}})", model, rest.empty() ? "" : ", ", rest);
}

constexpr std::string_view kModel =
    R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]})";

std::string error_of(std::string_view json, std::string_view config = "") {
  auto tokenizer = Tokenizer::from_json(json, config);
  return tokenizer.ok() ? "no error" : tokenizer.error().message;
}

std::vector<int32_t> encode(std::string_view json, std::string_view text,
                            std::string_view config = "") {
  auto tokenizer = Tokenizer::from_json(json, config);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return tokenizer.ok() ? *tokenizer->encode(text) : std::vector<int32_t>();
}

using Ids = std::vector<int32_t>;

TEST(TokenizerJson, ReadsBothWaysToWriteMerges) {
  EXPECT_EQ(encode(file(kModel), "abb"), (Ids{2, 1}));
  EXPECT_EQ(encode(file(R"({"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]})"), "abb"),
            (Ids{2, 1}));
}

TEST(TokenizerJson, PutsTheTemplateAroundTheText) {
  const std::string json = file(kModel, R"("post_processor": {"type": "Sequence", "processors": [
    {"type": "ByteLevel"}, {"type": "TemplateProcessing",
     "single": [{"SpecialToken": {"id": "a", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "b", "type_id": 0}}],
     "special_tokens": {"a": {"id": "a", "ids": [0], "tokens": ["a"]}, "b": {"id": "b", "ids": [1, 1]}}}]})");
  EXPECT_EQ(encode(json, "ab"), (Ids{0, 2, 1, 1}));
}

TEST(TokenizerJson, FollowsTheConfigurationAboutBosAndEos) {
  EXPECT_EQ(encode(file(kModel), "ab", R"({"bos_token": "a", "add_bos_token": true})"),
            (Ids{0, 2}));
  EXPECT_EQ(encode(file(kModel), "ab", R"({"bos_token": "a"})"), (Ids{2}));
  EXPECT_EQ(encode(file(kModel), "ab", R"({"eos_token": "b", "add_eos_token": true})"),
            (Ids{2, 1}));
}

TEST(TokenizerJson, GivesAddedTokensTheIdOfTheVocabulary) {
  EXPECT_EQ(
      encode(file(kModel,
                  R"("added_tokens": [{"id": 9, "content": "b"}, {"id": 3, "content": "<x>"}])"),
             "ab<x>"),
      (Ids{0, 1, 3}));
}

TEST(TokenizerJson, NamesComponentsThatItDoesNotKnow) {
  EXPECT_THAT(error_of(file(R"({"type": "WordPiece", "vocab": {}})")),
              HasSubstr("model: the type 'WordPiece'"));
  EXPECT_THAT(error_of(file(kModel, R"("normalizer": {"type": "BertNormalizer"})")),
              HasSubstr("normalizer: the type 'BertNormalizer' is not supported"));
  EXPECT_THAT(error_of(file(kModel, R"("pre_tokenizer": {"type": "UnicodeScripts"})")),
              HasSubstr("pre_tokenizer: the type 'UnicodeScripts' is not supported"));
  EXPECT_THAT(error_of(file(kModel, R"("decoder": {"type": "CTC"})")),
              HasSubstr("decoder: the type 'CTC'"));
  EXPECT_THAT(error_of(file(kModel, R"("post_processor": {"type": "BertProcessing"})")),
              HasSubstr("post_processor: the type 'BertProcessing'"));
  EXPECT_THAT(
      error_of(file(R"({"type": "BPE", "vocab": {}, "merges": [], "end_of_word_suffix": "</w>"})")),
      HasSubstr("model: end_of_word_suffix: '</w>' is not supported"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {}, "merges": [], "dropout": 0.5})")),
              HasSubstr("dropout"));
}

TEST(TokenizerJson, NamesWrongFields) {
  EXPECT_THAT(error_of("[]"), HasSubstr("an array"));
  EXPECT_THAT(error_of("{}"), HasSubstr("model: expected"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "merges": []})")), HasSubstr("model: vocab"));
  EXPECT_THAT(
      error_of(file(kModel, R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}})")),
      HasSubstr("pre_tokenizer: Split: the regular expression '(' is wrong"));
  EXPECT_THAT(
      error_of(file(
          kModel,
          R"("pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, "behavior": "Odd"})")),
      HasSubstr("behavior: 'Odd' is not known"));
  EXPECT_THAT(
      error_of(
          file(kModel, R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": 1}]})")),
      HasSubstr("pre_tokenizer: type"));
  EXPECT_THAT(error_of(file(
                  kModel, R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": "!"})")),
              HasSubstr("normalizer: Precompiled: precompiled_charsmap: not base64"));
  EXPECT_THAT(error_of(file(kModel), R"({"add_bos_token": 3})"),
              HasSubstr("tokenizer_config.json: add_bos_token"));
}

TEST(TokenizerJson, RefusesHostileVocabularies) {
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []})")),
              HasSubstr("the id 0"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {"a": -1}, "merges": []})")),
              HasSubstr("id -1 lies outside"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {"a": 9007199254740993}, "merges": []})")),
              HasSubstr("lies outside the vocabulary"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {"a": 1.5}, "merges": []})")),
              HasSubstr("not an integer"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]})")),
              HasSubstr("model: merges: merge 0 ('a' 'a'): 'aa' is not in the vocabulary"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]})")),
              HasSubstr("merge 0 is not a pair"));
  EXPECT_THAT(error_of(file(R"({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", 1]]})")),
              HasSubstr("merge 0 is not a pair"));
  EXPECT_THAT(error_of(file(kModel, R"("added_tokens": [{"id": 2147483647, "content": "<x>"}])")),
              HasSubstr("added_tokens: '<x>': the id 2147483647 lies outside"));
  EXPECT_THAT(error_of(file(kModel, R"("added_tokens": [{"id": 1, "content": "<x>"}])")),
              HasSubstr("'<x>' has the id 1 of another token"));
  EXPECT_THAT(error_of(file(kModel, fmt::format(R"("added_tokens": [{{"id": 5, "content": "{}"}}])",
                                                std::string(5000, 'x')))),
              HasSubstr("5000 bytes"));
  EXPECT_THAT(error_of(file(R"({"type": "Unigram", "vocab": [["a", -1]], "unk_id": 4})")),
              HasSubstr("unknown token"));
  EXPECT_THAT(error_of(file(R"({"type": "Unigram", "vocab": [["a", "b"]], "unk_id": 0})")),
              HasSubstr("entry 0"));
}

// A joiner is part of a word; "می‌خ" with the merges of its characters.
TEST(TokenizerJson, WhitespaceKeepsJoinersInWords) {
  const std::string json = file(
      R"({"type": "BPE", "vocab": {"a": 0, "\u200c": 1, "a\u200c": 2, "a\u200ca": 3, ".": 4},
          "merges": [["a", "\u200c"], ["a\u200c", "a"]]})",
      R"("pre_tokenizer": {"type": "Whitespace"})");
  EXPECT_EQ(encode(json, "a\u200ca. a"), (Ids{3, 4, 0}));
}

// `tokenizers` loads such a file too.
TEST(TokenizerJson, AnUnknownTokenThatIsNoneIsAnErrorWhereItIsNeeded) {
  auto tokenizer = Tokenizer::from_json(
      file(R"({"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "<unk>"})"));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(*tokenizer->encode("aa"), (Ids{0, 0}));
  auto ids = tokenizer->encode("ab");
  ASSERT_FALSE(ids.ok());
  EXPECT_THAT(ids.error().message, HasSubstr("its unk_token"));
}

TEST(TokenizerJson, RefusesTwoTemplates) {
  constexpr std::string_view kTemplate =
      R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}, {"Sequence": {"id": "A"}}],
          "special_tokens": {"a": {"ids": [0]}}})";
  EXPECT_THAT(
      error_of(file(
          kModel, fmt::format(R"("post_processor": {{"type": "Sequence", "processors": [{}, {}]}})",
                              kTemplate, kTemplate))),
      HasSubstr("post_processor: more than one TemplateProcessing"));
}

TEST(TokenizerJson, RefusesTooManySteps) {
  const auto sequence = [](size_t count) {
    std::string steps;
    for (size_t i = 0; i < count; ++i) steps += R"({"type": "NFC"}, )";
    return fmt::format(
        R"("normalizer": {{"type": "Sequence", "normalizers": [{}{{"type": "Sequence", "normalizers": []}}]}})",
        steps);
  };
  EXPECT_EQ(error_of(file(kModel, sequence(64))), error_of(file(kModel)));
  EXPECT_THAT(error_of(file(kModel, sequence(65))), HasSubstr("normalizer: more than 64 steps"));
}

TEST(TokenizerJson, StepsAreSmall) {
  EXPECT_LE(sizeof(NormalizerStep), 256u);
  EXPECT_LE(sizeof(PreTokenizerStep), 256u);
}

// A rule that makes its own result again and again, were merges not bounded by the word.
TEST(TokenizerJson, CyclicMergesEnd) {
  const std::string json = file(
      R"({"type": "BPE", "vocab": {"": 0, "a": 1, "aa": 2}, "unk_token": "", "merges": [["", "a"], ["a", ""], ["a", "a"]]})");
  EXPECT_EQ(encode(json, "axaa").size(), 2u);
}

}  // namespace
}  // namespace chitu
