// Who holds which block of the KV cache: ids and reference counts only, no memory. A block is
// `block_size` consecutive tokens of one sequence, in every layer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace chitu {

enum class BlockId : int32_t {};

class BlockPool {
 public:
  // Blocks 0 .. num_blocks - 1, all free.
  explicit BlockPool(int64_t num_blocks);

  int64_t size() const { return static_cast<int64_t>(references_.size()); }
  int64_t available() const { return static_cast<int64_t>(free_.size()); }
  int32_t references(BlockId block) const { return references_[index(block)]; }

  // Appends `count` blocks, each with one reference, to `blocks`; O(1) each. False, and nothing
  // has changed, when fewer are free. The block released last is given out first: its memory is
  // the likeliest to be in a cache.
  [[nodiscard]] bool allocate(int64_t count, std::vector<BlockId>& blocks);

  // REQUIRES: the block has at least one reference. Without any it is free again.
  void retain(BlockId block);
  void release(BlockId block);
  void release(std::span<const BlockId> blocks);

 private:
  static std::size_t index(BlockId block) { return static_cast<std::size_t>(block); }

  std::vector<int32_t> references_;
  std::vector<BlockId> free_;  // a stack
};

}  // namespace chitu
