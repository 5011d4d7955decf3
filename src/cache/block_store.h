// The blocks of the KV cache as sequences see them: free ones, and those that only the prefix cache
// holds, which are evicted when they are needed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cache/block_pool.h"
#include "cache/prefix_tree.h"

namespace chitu {

class BlockStore {
 public:
  BlockStore(int64_t num_blocks, int64_t block_size, bool prefix_cache);
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;

  int64_t size() const { return pool_.size(); }
  int64_t cached() const { return tree_ ? tree_->evictable() : 0; }  // that nobody else holds
  int64_t available() const { return pool_.available() + cached(); }
  // The sequences that hold a block: the references to it but for the prefix cache's.
  int32_t holders(BlockId block) const {
    return pool_.references(block) - (tree_ && tree_->contains(block) ? 1 : 0);
  }

  // As BlockPool::allocate(), after evicting as many blocks as that takes.
  [[nodiscard]] bool allocate(int64_t count, std::vector<BlockId>& blocks);
  void release(std::span<const BlockId> blocks);

  // As PrefixTree's, but without a prefix cache nothing is found and nothing inserted.
  void match(std::string_view salt, std::span<const int32_t> tokens, std::vector<BlockId>& blocks);
  int64_t match_length(std::string_view salt, std::span<const int32_t> tokens) const;
  int64_t insert(std::string_view salt, std::span<const int32_t> tokens, std::span<BlockId> blocks,
                 int64_t cached);

 private:
  BlockPool pool_;
  std::optional<PrefixTree> tree_;
};

}  // namespace chitu
