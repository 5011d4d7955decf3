#include "cache/block_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chitu {
namespace {

constexpr int64_t kBlock = 2;

TEST(BlockStore, EvictsCachedBlocksWhenOthersAreNeeded) {
  BlockStore store(4, kBlock, true);
  const std::vector<int32_t> tokens = {1, 2, 3, 4, 5};
  std::vector<BlockId> blocks;
  ASSERT_TRUE(store.allocate(3, blocks));
  EXPECT_EQ(store.insert("", tokens, std::span(blocks).first(2), 0), 2);
  store.release(blocks);
  EXPECT_EQ(store.cached(), 2);
  EXPECT_EQ(store.available(), 4);

  std::vector<BlockId> others;
  ASSERT_TRUE(store.allocate(2, others));  // both free ones
  EXPECT_EQ(store.match_length("", tokens), 4);
  ASSERT_TRUE(store.allocate(1, others));
  EXPECT_EQ(store.match_length("", tokens), 2);
  EXPECT_FALSE(store.allocate(2, others));
  EXPECT_EQ(store.match_length("", tokens), 2);  // a refusal evicts nothing
  ASSERT_TRUE(store.allocate(1, others));
  EXPECT_EQ(store.match_length("", tokens), 0);
}

TEST(BlockStore, CachesNothingWhenItIsNotTo) {
  BlockStore store(4, kBlock, false);
  const std::vector<int32_t> tokens = {1, 2, 3, 4, 5};
  std::vector<BlockId> blocks;
  ASSERT_TRUE(store.allocate(2, blocks));
  EXPECT_EQ(store.insert("", tokens, blocks, 0), 0);
  store.release(blocks);
  EXPECT_EQ(store.match_length("", tokens), 0);
  EXPECT_EQ(store.cached(), 0);
  EXPECT_EQ(store.available(), 4);
}

}  // namespace
}  // namespace chitu
