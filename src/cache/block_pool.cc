#include "cache/block_pool.h"

#include "base/check.h"

namespace chitu {

BlockPool::BlockPool(int64_t num_blocks) : references_(static_cast<std::size_t>(num_blocks), 0) {
  CHECK(num_blocks >= 0 && num_blocks <= INT32_MAX);
  free_.reserve(references_.size());
  for (int64_t i = num_blocks; i-- > 0;) free_.push_back(static_cast<BlockId>(i));
}

bool BlockPool::allocate(int64_t count, std::vector<BlockId>& blocks) {
  CHECK(count >= 0);
  if (count > available()) return false;
  for (int64_t i = 0; i < count; ++i) {
    const BlockId block = free_.back();
    free_.pop_back();
    references_[index(block)] = 1;
    blocks.push_back(block);
  }
  return true;
}

void BlockPool::retain(BlockId block) {
  CHECK(references_[index(block)] > 0);
  ++references_[index(block)];
}

void BlockPool::release(BlockId block) {
  CHECK(references_[index(block)] > 0);
  if (--references_[index(block)] == 0) free_.push_back(block);
}

void BlockPool::release(std::span<const BlockId> blocks) {
  // Backwards, so that the next allocation hands them out in the same order.
  for (std::size_t i = blocks.size(); i-- > 0;) release(blocks[i]);
}

}  // namespace chitu
