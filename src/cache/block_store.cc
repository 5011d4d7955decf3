#include "cache/block_store.h"

namespace chitu {

BlockStore::BlockStore(int64_t num_blocks, int64_t block_size, bool prefix_cache)
    : pool_(num_blocks) {
  if (prefix_cache) tree_.emplace(pool_, block_size);
}

bool BlockStore::allocate(int64_t count, std::vector<BlockId>& blocks) {
  if (count > available()) return false;
  if (tree_ && count > pool_.available()) tree_->evict(count - pool_.available());
  return pool_.allocate(count, blocks);
}

void BlockStore::release(std::span<const BlockId> blocks) {
  if (tree_) {
    tree_->release(blocks);
  } else {
    pool_.release(blocks);
  }
}

void BlockStore::match(std::string_view salt, std::span<const int32_t> tokens,
                       std::vector<BlockId>& blocks) {
  if (tree_) tree_->match(salt, tokens, blocks);
}

int64_t BlockStore::match_length(std::string_view salt, std::span<const int32_t> tokens) const {
  return tree_ ? tree_->match_length(salt, tokens) : 0;
}

int64_t BlockStore::insert(std::string_view salt, std::span<const int32_t> tokens,
                           std::span<BlockId> blocks, int64_t cached) {
  return tree_ ? tree_->insert(salt, tokens, blocks, cached) : cached;
}

}  // namespace chitu
