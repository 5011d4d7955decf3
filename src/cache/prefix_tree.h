// The prefix cache: which full blocks of the KV cache hold the keys and values of which tokens. A
// tree of blocks for every salt; the path from the root to a block is the text before it. A block
// is found by its parent and its own tokens, which are compared themselves: equal hashes never
// confuse two texts, and sequences of different salts never meet.
//
// The tree holds a reference to each of its blocks. A block that nobody else holds is idle: it may
// be evicted, least recently used first. Whoever holds a block of the tree also holds the blocks
// above it (match() and insert() see to that), so what lies below an idle block is idle as well.
//
// Each operation takes time in proportion to the blocks it is about, nothing recurses, and memory
// for the whole tree is taken in the beginning, but for the salts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/block_pool.h"

namespace chitu {

class PrefixTree {
 public:
  // `pool` must outlive the tree. Blocks have `block_size` tokens.
  PrefixTree(BlockPool& pool, int64_t block_size);

  // Appends the blocks of the longest prefix of `tokens` that is cached to `blocks`, each retained
  // for the caller: whole blocks, and never all tokens, so that there is one left to compute.
  void match(std::string_view salt, std::span<const int32_t> tokens, std::vector<BlockId>& blocks);
  // The tokens that match() would find; nothing is retained and nobody's age changes.
  int64_t match_length(std::string_view salt, std::span<const int32_t> tokens) const;

  // Caches the caller's blocks, blocks[i] holding tokens [i * block_size, (i + 1) * block_size).
  // The first `cached` are in the tree already: match() or insert() gave them to the caller, who
  // still holds them. Where another block of the same text is in the tree, it stays, and the
  // caller gets it in place of its own, which is released. Returns how many leading blocks are in
  // the tree now: fewer than all only if memory for a new salt was refused.
  // REQUIRES: tokens for all blocks.
  int64_t insert(std::string_view salt, std::span<const int32_t> tokens, std::span<BlockId> blocks,
                 int64_t cached);

  // Releases the caller's blocks, the leading blocks of a sequence in their order. Every holder of
  // blocks that may be cached must release them here: this is where they become idle.
  void release(std::span<const BlockId> blocks);

  // Frees up to `count` idle blocks; returns how many.
  int64_t evict(int64_t count);
  int64_t evictable() const { return idle_; }
  int64_t size() const { return size_; }  // blocks in the tree

 private:
  static constexpr int32_t kNone = -1;  // no block

  struct Root {
    int64_t key = 0;       // < 0, the parent of its top blocks
    int64_t children = 0;  // without any it is removed
  };
  using Roots = std::unordered_map<std::string, Root>;

  // Indexed by BlockId: a block is in the tree at most once.
  struct Node {
    int64_t parent = 0;  // a block, or a root's key
    Roots::value_type* root = nullptr;
    uint64_t hash = 0;
    int32_t next_in_bucket = kNone;
    int32_t older = kNone;  // neighbours in the list of idle blocks
    int32_t newer = kNone;
    bool cached = false;
  };

  BlockPool& pool_;
  int64_t block_size_;
  Roots roots_;
  int64_t next_root_key_ = -1;
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;   // [blocks, block_size]
  std::vector<int32_t> buckets_;  // the first block of each; a power of two of them
  int32_t oldest_ = kNone;
  int32_t newest_ = kNone;
  int64_t idle_ = 0;
  int64_t size_ = 0;
};

}  // namespace chitu
