#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "text/tokenizer.h"

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TokenizerFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) /
              fmt::format("tokenizer_files_{}_{}", test->name(), ::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const char* name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  std::string error() const {
    auto tokenizer = Tokenizer::from_directory(folder_);
    return tokenizer.ok() ? "no error" : tokenizer.error().message;
  }

  std::filesystem::path folder_;
};

constexpr std::string_view kTokenizer =
    R"({"added_tokens": [{"id": 2, "content": "</s>", "special": true}],
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})";

TEST_F(TokenizerFiles, PutsTheFilesOfADirectoryTogether) {
  write("tokenizer.json", kTokenizer);
  write("tokenizer_config.json",
        R"({"eos_token": {"content": "</s>"}, "pad_token": "b", "bos_token": null})");
  write("generation_config.json", R"({"eos_token_id": [2, 1, 99, -1]})");
  auto tokenizer = Tokenizer::from_directory(folder_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_THAT(tokenizer->special().eos, ElementsAre(2, 1));
  EXPECT_EQ(tokenizer->special().padding, 1);
  EXPECT_EQ(tokenizer->special().bos, std::nullopt);
}

// As old checkpoints have them, where tokenizer_config.json lists none.
TEST_F(TokenizerFiles, ReadsAddedTokensOfOldBesideASentencePieceModel) {
  const auto data =
      std::filesystem::path(CHITU_SOURCE_DIR) / "tests/golden/tokenizers/data/sentencepiece_bpe";
  std::filesystem::copy(data / "tokenizer.model", folder_);
  write("tokenizer_config.json", R"({"eos_token": "<|im_end|>"})");
  write("added_tokens.json", R"({"<|im_end|>": 5000, "<tool>": 5001})");
  auto tokenizer = Tokenizer::from_directory(folder_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_THAT(tokenizer->special().eos, ElementsAre(5000));
  EXPECT_TRUE(tokenizer->is_special(5000));
  EXPECT_FALSE(tokenizer->is_special(5001));
  EXPECT_THAT(*tokenizer->encode("<tool><|im_end|>", {.add_special_tokens = false}),
              ElementsAre(5001, 5000));
  write("added_tokens.json", R"({"<tool>": "x"})");
  EXPECT_THAT(error(), HasSubstr("added_tokens.json: <tool>: expected"));
}

TEST_F(TokenizerFiles, NamesTheFileThatIsWrong) {
  EXPECT_THAT(error(), HasSubstr("no tokenizer; put"));
  write("tokenizer.model", "hello");
  EXPECT_THAT(error(), HasSubstr("tokenizer.model: not a SentencePiece model"));
  write("tokenizer.json", "{");
  EXPECT_THAT(error(), HasSubstr("tokenizer.json: "));
  write("tokenizer.json", kTokenizer);
  write("tokenizer_config.json", R"({"eos_token": 7})");
  EXPECT_THAT(error(), HasSubstr("tokenizer_config.json: eos_token: expected a string"));
  write("tokenizer_config.json", "{}");
  write("generation_config.json", R"({"eos_token_id": "</s>"})");
  EXPECT_THAT(error(), HasSubstr("generation_config.json: eos_token_id"));
}

}  // namespace
}  // namespace chitu
