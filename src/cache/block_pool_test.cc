#include "cache/block_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace chitu {
namespace {

TEST(BlockPool, GivesEachBlockOnce) {
  BlockPool pool(5);
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.allocate(5, blocks));
  EXPECT_EQ(std::set<BlockId>(blocks.begin(), blocks.end()).size(), 5U);
  EXPECT_EQ(pool.available(), 0);
}

TEST(BlockPool, ChangesNothingWhenTooFewAreFree) {
  BlockPool pool(3);
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.allocate(2, blocks));
  EXPECT_FALSE(pool.allocate(2, blocks));
  EXPECT_EQ(blocks.size(), 2U);
  EXPECT_EQ(pool.available(), 1);
  EXPECT_TRUE(pool.allocate(0, blocks));
}

TEST(BlockPool, FreesABlockWithItsLastReference) {
  BlockPool pool(1);
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.allocate(1, blocks));
  pool.retain(blocks[0]);
  pool.release(blocks[0]);
  EXPECT_EQ(pool.available(), 0);
  EXPECT_EQ(pool.references(blocks[0]), 1);
  pool.release(blocks[0]);
  EXPECT_EQ(pool.available(), 1);
}

TEST(BlockPool, HandsOutReleasedBlocksFirstAndInOrder) {
  BlockPool pool(8);
  std::vector<BlockId> first;
  std::vector<BlockId> rest;
  ASSERT_TRUE(pool.allocate(3, first));
  ASSERT_TRUE(pool.allocate(2, rest));
  pool.release(first);
  std::vector<BlockId> again;
  ASSERT_TRUE(pool.allocate(3, again));
  EXPECT_EQ(again, first);
}

TEST(BlockPool, NeverLosesOrDuplicatesABlock) {
  BlockPool pool(64);
  std::mt19937 random(1);
  std::vector<std::vector<BlockId>> held;
  for (int i = 0; i < 5000; ++i) {
    if (!held.empty() && random() % 2 == 0) {
      const std::size_t victim = random() % held.size();
      pool.release(held[victim]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(victim));
    } else if (std::vector<BlockId> blocks; pool.allocate(random() % 12, blocks)) {
      held.push_back(blocks);
    }
    std::set<BlockId> distinct;
    int64_t total = 0;
    for (const auto& blocks : held) {
      distinct.insert(blocks.begin(), blocks.end());
      total += static_cast<int64_t>(blocks.size());
    }
    ASSERT_EQ(static_cast<int64_t>(distinct.size()), total);
    ASSERT_EQ(pool.available(), 64 - total);
  }
}

TEST(BlockPoolDeathTest, AbortsWhenAFreeBlockIsReleased) {
  BlockPool pool(1);
  EXPECT_DEATH(pool.release(BlockId{0}), "broken invariant");
}

}  // namespace
}  // namespace chitu
