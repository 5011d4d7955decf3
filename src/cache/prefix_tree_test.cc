#include "cache/prefix_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>

namespace chitu {
namespace {

using testing::ElementsAre;

using Tokens = std::vector<int32_t>;
using Blocks = std::vector<BlockId>;

class PrefixTreeTest : public testing::Test {
 protected:
  static constexpr int64_t kBlock = 4;

  // Computes `tokens` as a sequence would, caches their full blocks and returns all blocks.
  Blocks compute(std::string_view salt, const Tokens& tokens) {
    Blocks blocks = match(salt, tokens);
    const auto cached = static_cast<int64_t>(blocks.size());
    const auto full = static_cast<int64_t>(tokens.size()) / kBlock;
    EXPECT_TRUE(pool_.allocate(full - cached, blocks));
    EXPECT_EQ(tree_.insert(salt, tokens, blocks, cached), full);
    return blocks;
  }
  void compute_and_release(std::string_view salt, const Tokens& tokens) {
    tree_.release(compute(salt, tokens));
  }
  Blocks match(std::string_view salt, const Tokens& tokens) {
    Blocks blocks;
    tree_.match(salt, tokens, blocks);
    EXPECT_EQ(tree_.match_length(salt, tokens), static_cast<int64_t>(blocks.size()) * kBlock);
    return blocks;
  }
  int64_t length(std::string_view salt, const Tokens& tokens) const {
    return tree_.match_length(salt, tokens);
  }

  BlockPool pool_{8};
  PrefixTree tree_{pool_, kBlock};
};

Tokens range(int32_t first, int64_t count) {
  Tokens tokens(static_cast<std::size_t>(count));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

Tokens join(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(PrefixTreeTest, FindsTheLongestPrefixOfWholeBlocks) {
  const Blocks blocks = compute("", range(0, 12));
  EXPECT_EQ(match("", range(0, 13)), blocks);
  EXPECT_THAT(match("", range(0, 11)), ElementsAre(blocks[0], blocks[1]));
  EXPECT_THAT(match("", join(range(0, 5), range(50, 20))), ElementsAre(blocks[0]));
  EXPECT_TRUE(match("", range(1, 12)).empty());
  EXPECT_TRUE(match("", {}).empty());
}

TEST_F(PrefixTreeTest, LeavesATokenToCompute) {
  const Blocks blocks = compute("", range(0, 12));
  EXPECT_THAT(match("", range(0, 12)), ElementsAre(blocks[0], blocks[1]));
  EXPECT_TRUE(match("", range(0, 4)).empty());
}

TEST_F(PrefixTreeTest, KeepsSaltsApart) {
  compute_and_release("a", range(0, 8));
  EXPECT_EQ(length("b", range(0, 9)), 0);
  EXPECT_EQ(length("", range(0, 9)), 0);
  compute_and_release("b", range(0, 8));
  EXPECT_EQ(tree_.size(), 4);
  EXPECT_EQ(tree_.num_salts(), 2);
  tree_.evict(8);
  EXPECT_EQ(tree_.num_salts(), 0);
}

// A block's tokens alone do not say what it holds: keys and values depend on all before it.
TEST_F(PrefixTreeTest, FindsABlockOnlyBehindItsOwnText) {
  const Tokens common = range(100, 4);
  const Blocks first = compute("", join(range(0, 4), common));
  const Blocks second = compute("", join(range(50, 4), common));
  EXPECT_NE(first[1], second[1]);
  EXPECT_EQ(match("", join(join(range(50, 4), common), {1})), second);
}

TEST_F(PrefixTreeTest, RetainsWhatItFindsAndWhatItCaches) {
  const Blocks blocks = compute("", range(0, 8));
  EXPECT_EQ(pool_.references(blocks[0]), 2);
  EXPECT_EQ(tree_.evictable(), 0);
  tree_.release(blocks);
  EXPECT_EQ(tree_.evictable(), 2);
  EXPECT_EQ(pool_.available(), 6);
  const Blocks again = match("", range(0, 8));
  EXPECT_EQ(pool_.references(blocks[0]), 2);
  EXPECT_EQ(tree_.evictable(), 1);
  EXPECT_EQ(tree_.evict(8), 1);
  EXPECT_EQ(length("", range(0, 9)), 4);
  tree_.release(again);
}

TEST_F(PrefixTreeTest, GivesTheBlockThatWasThereFirst) {
  const Blocks first = compute("", range(0, 4));
  Blocks second;
  ASSERT_TRUE(pool_.allocate(2, second));
  const BlockId own = second[1];
  EXPECT_EQ(tree_.insert("", range(0, 8), second, 0), 2);
  EXPECT_THAT(second, ElementsAre(first[0], own));
  EXPECT_EQ(pool_.available(), 6);
  tree_.release(first);
  // The first block is still held by whoever holds the second.
  EXPECT_EQ(tree_.evictable(), 0);
  tree_.release(second);
  EXPECT_EQ(tree_.evictable(), 2);
}

TEST_F(PrefixTreeTest, EvictsTheLeastRecentlyUsedFirstAndLeavesBeforeWhatIsAbove) {
  compute_and_release("", range(0, 12));
  compute_and_release("", range(50, 8));
  EXPECT_EQ(tree_.evict(1), 1);
  EXPECT_EQ(length("", range(0, 13)), 8);
  tree_.release(match("", range(0, 9)));  // used again: now the other is older
  EXPECT_EQ(tree_.evict(1), 1);
  EXPECT_EQ(length("", range(0, 9)), 8);
  EXPECT_EQ(length("", range(50, 9)), 4);
  EXPECT_EQ(tree_.evict(8), 3);
  EXPECT_EQ(tree_.evict(8), 0);
  EXPECT_EQ(pool_.available(), 8);
}

TEST_F(PrefixTreeTest, NeverEvictsWhatIsHeld) {
  const Blocks held = compute("", range(0, 8));
  compute_and_release("", join(range(0, 8), range(50, 4)));
  EXPECT_EQ(tree_.evict(8), 1);
  EXPECT_EQ(length("", range(0, 9)), 8);
  tree_.release(held);
}

TEST_F(PrefixTreeTest, GrowsBlockByBlock) {
  Blocks blocks;
  int64_t cached = 0;
  for (int64_t n = 1; n <= 4; ++n) {
    ASSERT_TRUE(pool_.allocate(1, blocks));
    cached = tree_.insert("", range(0, n * kBlock), blocks, cached);
    EXPECT_EQ(cached, n);
    EXPECT_EQ(length("", range(0, n * kBlock + 1)), n * kBlock);
  }
  tree_.release(blocks);
}

// Blocks whose hashes fall into one bucket are told apart by their tokens: a pool of one block has
// two buckets, and of many texts some share one.
TEST(PrefixTree, ComparesTheTokensThemselves) {
  BlockPool pool(1);
  PrefixTree tree(pool, 1);
  Blocks blocks;
  ASSERT_TRUE(pool.allocate(1, blocks));
  tree.insert("", Tokens{7}, blocks, 0);
  for (int32_t token = 0; token < 1000; ++token) {
    EXPECT_EQ(tree.match_length("", Tokens{token, 1}), token == 7 ? 1 : 0);
  }
}

// Against a map of texts, with little room and few different texts.
TEST(PrefixTree, NeverFindsWhatIsNotThereNorLosesABlock) {
  constexpr int64_t kBlock = 2;
  BlockPool pool(24);
  PrefixTree tree(pool, kBlock);
  struct Held {
    std::string salt;
    Tokens tokens;
    Blocks blocks;
    int64_t cached;
  };
  std::vector<Held> held;
  std::map<BlockId, std::pair<std::string, Tokens>> contents;  // what was computed into a block
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    if (held.size() > 5 || (!held.empty() && random() % 3 == 0)) {
      tree.release(held.back().blocks);
      held.pop_back();
    }
    Held next{.salt = random() % 2 == 0 ? "a" : "b"};
    for (std::size_t n = 1 + random() % 12; n > 0; --n) {
      next.tokens.push_back(static_cast<int32_t>(random() % 2));
    }
    tree.match(next.salt, next.tokens, next.blocks);
    next.cached = static_cast<int64_t>(next.blocks.size());
    for (int64_t b = 0; b < next.cached; ++b) {
      const auto& [salt, tokens] = contents.at(next.blocks[static_cast<std::size_t>(b)]);
      ASSERT_EQ(salt, next.salt);
      ASSERT_EQ(tokens, Tokens(next.tokens.begin(), next.tokens.begin() + (b + 1) * kBlock));
    }
    const int64_t full = static_cast<int64_t>(next.tokens.size()) / kBlock;
    const int64_t missing = full - next.cached;
    if (missing > pool.available()) {
      const int64_t wanted = missing - pool.available();
      const int64_t evictable = tree.evictable();
      ASSERT_EQ(tree.evict(wanted), std::min(wanted, evictable));
    }
    if (!pool.allocate(missing, next.blocks)) {
      tree.release(next.blocks);
      continue;
    }
    for (int64_t b = next.cached; b < full; ++b) {
      contents[next.blocks[static_cast<std::size_t>(b)]] = {
          next.salt, Tokens(next.tokens.begin(), next.tokens.begin() + (b + 1) * kBlock)};
    }
    if (random() % 4 != 0) {
      ASSERT_EQ(tree.insert(next.salt, next.tokens, next.blocks, next.cached), full);
    }
    held.push_back(std::move(next));
  }
  for (const Held& h : held) tree.release(h.blocks);
  ASSERT_EQ(tree.evictable(), tree.size());
  const int64_t cached = tree.size();
  ASSERT_EQ(pool.available() + cached, pool.size());
  ASSERT_EQ(tree.evict(100), cached);
  ASSERT_EQ(pool.available(), pool.size());
  ASSERT_EQ(tree.num_salts(), 0);
}

}  // namespace
}  // namespace chitu
