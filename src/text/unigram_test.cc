#include "text/unigram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace chitu {
namespace {

using ::testing::ElementsAre;

struct Model {
  Vocabulary vocabulary;
  std::vector<double> scores;

  explicit Model(const std::vector<std::pair<std::string, double>>& tokens) {
    for (const auto& [token, score] : tokens) {
      EXPECT_TRUE(vocabulary.add(token, static_cast<int64_t>(scores.size())).ok());
      scores.push_back(score);
    }
  }

  std::vector<int32_t> tokenize(std::string_view word, const UnigramOptions& options) const {
    auto unigram = Unigram::create(vocabulary, scores, options);
    EXPECT_TRUE(unigram.ok()) << unigram.error().message;
    Unigram::Scratch scratch;
    MatchScratch match(word.size());
    std::vector<int32_t> ids;
    if (unigram.ok()) {
      EXPECT_TRUE(unigram->tokenize(word, match, scratch, ids).ok());
    }
    return ids;
  }
};

TEST(Unigram, TakesTheBestSum) {
  const Model model({{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -1.5}, {"abc", -9}, {"c", -2}});
  EXPECT_THAT(model.tokenize("abc", {.unknown = 0}), ElementsAre(3, 5));
  EXPECT_THAT(model.tokenize("", {.unknown = 0}), ElementsAre());
}

TEST(Unigram, FusesUnknownCharacters) {
  const Model model({{"<unk>", 0}, {"a", -1}});
  EXPECT_THAT(model.tokenize("xyaé", {.unknown = 0}), ElementsAre(0, 1, 0));
}

TEST(Unigram, FallsBackToBytesIfAllAreThere) {
  const Model model({{"<unk>", 0}, {"a", -1}, {"<0xC3>", -5}, {"<0xA9>", -5}});
  EXPECT_THAT(model.tokenize("aé", {.unknown = 0, .byte_fallback = true}), ElementsAre(1, 2, 3));
  EXPECT_THAT(model.tokenize("aà", {.unknown = 0, .byte_fallback = true}), ElementsAre(1, 0));
}

TEST(Unigram, RefusesScoresAndUnknownTokensThatAreNone) {
  const Model model({{"<unk>", 0}, {"a", NAN}});
  EXPECT_FALSE(Unigram::create(model.vocabulary, model.scores, {.unknown = 0}).ok());
  const Model good({{"a", 0}});
  EXPECT_FALSE(Unigram::create(good.vocabulary, good.scores, {.unknown = 5}).ok());
  EXPECT_FALSE(Unigram::create(good.vocabulary, good.scores, {.unknown = -1}).ok());
}

TEST(Unigram, TakesMemoryForOneStretchOfAWordAtATime) {
  const Model model({{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -1.5}});
  auto unigram = Unigram::create(model.vocabulary, model.scores, {.unknown = 0});
  ASSERT_TRUE(unigram.ok());
  Unigram::Scratch scratch;
  std::vector<int32_t> ids;
  std::string word;
  while (word.size() < 1000000) word += "ab";
  MatchScratch match(word.size());
  ASSERT_TRUE(unigram->tokenize(word, match, scratch, ids).ok());
  EXPECT_EQ(ids, std::vector<int32_t>(word.size() / 2, 3));
  EXPECT_LT(scratch.nodes.capacity() + scratch.path.capacity(), 32768u);
}

TEST(Unigram, WindowsOfALongWordChangeNothing) {
  const Model model({{"<unk>", 0}, {"a", -1}, {"b", -1}, {"ab", -1.5}});
  for (const size_t n : {4094, 4095, 4096, 4097, 4098}) {
    std::vector<int32_t> expected(n, 1);
    expected.insert(expected.end(), {3, 0, 2});
    const std::string word = std::string(n, 'a') + "ab" + std::string(9000, 'x') + "b";
    EXPECT_EQ(model.tokenize(word, {.unknown = 0}), expected);
  }
}

TEST(Unigram, RefusesAStretchThatIsTooLong) {
  const Model model({{"<unk>", 0}, {"a", -1}, {"aa", -1.5}});
  auto unigram = Unigram::create(model.vocabulary, model.scores, {.unknown = 0});
  ASSERT_TRUE(unigram.ok());
  Unigram::Scratch scratch;
  std::vector<int32_t> ids;
  const std::string word(Unigram::kMaxStretch + 2, 'a');
  MatchScratch match(word.size());
  const Status status = unigram->tokenize(word, match, scratch, ids);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
}

// Each of 100,000 places begins 4096 tokens: 64 steps a byte are allowed.
TEST(Unigram, RefusesTextsThatTooManyTokensFit) {
  std::vector<std::pair<std::string, double>> tokens = {{"<unk>", 0}};
  for (size_t n = 1; n <= kMaxTokenBytes; ++n) tokens.emplace_back(std::string(n, 'a'), -1);
  const Model model(tokens);
  auto unigram = Unigram::create(model.vocabulary, model.scores, {.unknown = 0});
  ASSERT_TRUE(unigram.ok());
  const std::string word(100000, 'a');
  MatchScratch match(word.size());
  Unigram::Scratch scratch;
  std::vector<int32_t> ids;
  const Status status = unigram->tokenize(word, match, scratch, ids);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
}

double best_sum(const std::map<std::string, double>& scores, const std::string& word, size_t from) {
  if (from == word.size()) return 0;
  double best = -INFINITY;
  for (size_t n = 1; from + n <= word.size(); ++n) {
    const auto token = scores.find(word.substr(from, n));
    if (token != scores.end())
      best = std::max(best, token->second + best_sum(scores, word, from + n));
  }
  return best;
}

TEST(Unigram, NoOtherCutHasALargerSum) {
  std::mt19937 random(5);
  std::vector<std::pair<std::string, double>> tokens = {{"<unk>", 0}, {"a", -3}, {"b", -3}};
  std::map<std::string, double> scores = {{"a", -3}, {"b", -3}};
  for (const char* token : {"ab", "ba", "aa", "abb", "bab", "aab", "bbaa"}) {
    const double score = -1 - static_cast<double>(random() % 6000) / 1000;
    tokens.emplace_back(token, score);
    scores[token] = score;
  }
  const Model model(tokens);
  for (int round = 0; round < 200; ++round) {
    std::string word;
    for (int i = 0; i < 12; ++i) word += random() % 2 == 0 ? 'a' : 'b';
    double sum = 0;
    for (const int32_t id : model.tokenize(word, {.unknown = 0}))
      sum += model.scores[static_cast<size_t>(id)];
    EXPECT_NEAR(sum, best_sum(scores, word, 0), 1e-9) << word;
  }
}

}  // namespace
}  // namespace chitu
