#include "text/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace chitu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Vocabulary vocabulary_of(const std::vector<std::string>& tokens) {
  Vocabulary vocabulary;
  for (size_t id = 0; id < tokens.size(); ++id) {
    EXPECT_TRUE(vocabulary.add(tokens[id], static_cast<int64_t>(id)).ok());
  }
  return vocabulary;
}

std::vector<int32_t> tokenize(const Result<Bpe>& bpe, std::string_view word) {
  EXPECT_TRUE(bpe.ok()) << bpe.error().message;
  Bpe::Scratch scratch;
  std::vector<int32_t> ids;
  if (bpe.ok()) {
    EXPECT_TRUE(bpe->tokenize(word, scratch, ids).ok());
  }
  return ids;
}

TEST(Bpe, MergesByRankAndThenFromTheLeft) {
  const Vocabulary vocabulary = vocabulary_of({"a", "b", "c", "ab", "bc", "abc"});
  EXPECT_THAT(
      tokenize(Bpe::from_merges(vocabulary, {{"b", "c"}, {"a", "b"}, {"a", "bc"}}, {}), "abcab"),
      ElementsAre(5, 3));
  EXPECT_THAT(tokenize(Bpe::from_merges(vocabulary, {{"a", "b"}, {"b", "c"}}, {}), "abcbc"),
              ElementsAre(3, 2, 4));
}

TEST(Bpe, TakesAWholeWordOnlyWhenMergesAreIgnored) {
  const Vocabulary vocabulary = vocabulary_of({"a", "b", "ab"});
  EXPECT_THAT(tokenize(Bpe::from_merges(vocabulary, {}, {}), "ab"), ElementsAre(0, 1));
  EXPECT_THAT(tokenize(Bpe::from_merges(vocabulary, {}, {.ignore_merges = true}), "ab"),
              ElementsAre(2));
}

TEST(Bpe, HandlesUnknownCharactersAsAsked) {
  const Vocabulary vocabulary = vocabulary_of({"<unk>", "a", "<0xC3>", "<0xA9>"});
  EXPECT_THAT(tokenize(Bpe::from_merges(vocabulary, {}, {}), "axya"), ElementsAre(1, 1));
  EXPECT_THAT(tokenize(Bpe::from_merges(vocabulary, {}, {.unknown = 0}), "axya"),
              ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(
      tokenize(Bpe::from_merges(vocabulary, {}, {.unknown = 0, .fuse_unknown = true}), "axyz"),
      ElementsAre(1, 0));
  const BpeOptions fallback{.unknown = 0, .byte_fallback = true};
  EXPECT_THAT(tokenize(Bpe::from_merges(vocabulary, {}, fallback), "éaà"), ElementsAre(2, 3, 1, 0));
}

TEST(Bpe, RanksByTokenMergeAnySplit) {
  const Vocabulary vocabulary = vocabulary_of({"a", "b", "c", "ab", "bc", "abc"});
  const std::vector<uint32_t> ranks = {Bpe::kNoRank, Bpe::kNoRank, Bpe::kNoRank, 2, 1, 0};
  EXPECT_THAT(tokenize(Bpe::from_ranks(vocabulary, ranks, {}), "abcab"), ElementsAre(5, 3));
}

TEST(Bpe, NamesAMergeOfUnknownTokens) {
  const Vocabulary vocabulary = vocabulary_of({"a", "b"});
  auto bpe = Bpe::from_merges(vocabulary, {{"a", "b"}}, {});
  ASSERT_FALSE(bpe.ok());
  EXPECT_THAT(bpe.error().message, HasSubstr("merge 0 ('a' 'b'): 'ab' is not in the vocabulary"));
}

TEST(Bpe, SurvivesMergesOfEmptyTokens) {
  const Vocabulary vocabulary = vocabulary_of({"", "a", "aa"});
  EXPECT_THAT(
      tokenize(Bpe::from_merges(vocabulary, {{"", "a"}, {"a", ""}, {"a", "a"}}, {.unknown = 0}),
               "axxa"),
      ElementsAre(2));
}

// The definition: join the pair of the lowest rank, the leftmost of those, until there is none.
class Naive {
 public:
  void add(int32_t left, int32_t right, int32_t result) {
    rules_[{left, right}] = {static_cast<uint32_t>(rules_.size()), result};
  }

  std::vector<int32_t> run(std::vector<int32_t> ids) const {
    while (true) {
      size_t best = ids.size();
      uint32_t best_rank = UINT32_MAX;
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto rule = rules_.find({ids[i], ids[i + 1]});
        if (rule != rules_.end() && rule->second.first < best_rank) {
          best_rank = rule->second.first;
          best = i;
        }
      }
      if (best == ids.size()) return ids;
      ids[best] = rules_.at({ids[best], ids[best + 1]}).second;
      ids.erase(ids.begin() + static_cast<int64_t>(best) + 1);
    }
  }

 private:
  std::map<std::pair<int32_t, int32_t>, std::pair<uint32_t, int32_t>> rules_;
};

TEST(Bpe, EqualsTheDefinitionOnWordsOfAnyLength) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c", "é"};
    std::vector<std::pair<size_t, size_t>> rules;
    while (tokens.size() < 60) {
      const size_t left = random() % tokens.size();
      const size_t right = random() % tokens.size();
      const std::string joined = tokens[left] + tokens[right];
      if (joined.size() > 12 || std::find(tokens.begin(), tokens.end(), joined) != tokens.end())
        continue;
      rules.emplace_back(left, right);
      tokens.push_back(joined);
    }
    const Vocabulary vocabulary = vocabulary_of(tokens);
    Naive naive;
    Bpe::Merges merges;
    for (size_t i = 0; i < rules.size(); ++i) {
      const auto [left, right] = rules[i];
      merges.emplace_back(tokens[left], tokens[right]);
      naive.add(static_cast<int32_t>(left), static_cast<int32_t>(right),
                static_cast<int32_t>(4 + i));
    }
    const auto bpe = Bpe::from_merges(vocabulary, merges, {});
    for (const size_t length : {1, 2, 5, 39, 40, 41, 200, 700}) {
      std::string word;
      std::vector<int32_t> ids;
      for (size_t i = 0; i < length; ++i) {
        ids.push_back(static_cast<int32_t>(random() % 4));
        word += tokens[static_cast<size_t>(ids.back())];
      }
      EXPECT_EQ(tokenize(bpe, word), naive.run(ids)) << word;
    }
  }
}

TEST(Bpe, TakesMemoryForOneStretchOfAWordAtATime) {
  const Vocabulary vocabulary = vocabulary_of({"a", "b", "ab"});
  const auto bpe = Bpe::from_merges(vocabulary, {{"a", "b"}}, {});
  std::string word;
  while (word.size() < 1000000) word += "ab";
  Bpe::Scratch scratch;
  std::vector<int32_t> ids;
  ASSERT_TRUE(bpe->tokenize(word, scratch, ids).ok());
  EXPECT_EQ(ids, std::vector<int32_t>(word.size() / 2, 2));
  EXPECT_LT(scratch.symbols.capacity(), 32768u);
}

TEST(Bpe, RefusesAStretchThatIsTooLong) {
  const Vocabulary vocabulary = vocabulary_of({"a", "aa"});
  const auto bpe = Bpe::from_merges(vocabulary, {{"a", "a"}}, {});
  Bpe::Scratch scratch;
  std::vector<int32_t> ids;
  const Status status = bpe->tokenize(std::string(Bpe::kMaxSymbols + 1, 'a'), scratch, ids);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
}

// A window ends within a run of unknown characters, and within a stretch.
TEST(Bpe, WindowsOfALongWordChangeNothing) {
  const Vocabulary vocabulary = vocabulary_of({"<unk>", "a", "b", "ab"});
  const BpeOptions options{.unknown = 0, .fuse_unknown = true};
  const auto bpe = Bpe::from_merges(vocabulary, {{"a", "b"}}, options);
  for (const size_t n : {8190, 8191, 8192, 8193, 8194}) {
    std::vector<int32_t> expected(n, 1);
    expected.insert(expected.end(), {3, 0, 2});
    EXPECT_EQ(tokenize(bpe, std::string(n, 'a') + "ab" + std::string(9000, 'x') + "b"), expected);
  }
}

// Quadratic work would take hours.
TEST(Bpe, OneLongWordTakesNoQuadraticTime) {
  const Vocabulary vocabulary = vocabulary_of({"a", "aa", "aaaa", "aaaaaaaa"});
  const auto bpe = Bpe::from_merges(vocabulary, {{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}}, {});
  const std::vector<int32_t> ids = tokenize(bpe, std::string(1000001, 'a'));
  EXPECT_EQ(ids.size(), 125001u);
  EXPECT_EQ(ids.back(), 0);
}

}  // namespace
}  // namespace chitu
