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
  bool contains(BlockId block) const { return nodes_[index(block)].cached; }
  int64_t size() const { return size_; }  // blocks in the tree
  int64_t num_salts() const { return static_cast<int64_t>(roots_.size()); }

 private:
  static constexpr int32_t kNone = -1;  // no block

  // Blocks are numbered from 0, roots downwards from kFirstRoot: both can be a parent.
  static constexpr int64_t kFirstRoot = -2;
  struct Root {
    int64_t key = 0;
    int64_t children = 0;  // without any it is removed
  };
  // Lets a string_view be looked up.
  struct SaltHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view salt) const {
      return std::hash<std::string_view>()(salt);
    }
  };
  using Roots = std::unordered_map<std::string, Root, SaltHash, std::equal_to<>>;

  // Indexed by BlockId: a block is in the tree at most once.
  struct Node {
    int64_t parent = 0;
    Roots::value_type* root = nullptr;  // of a block whose parent is one
    uint64_t hash = 0;
    int32_t next = kNone;   // in the bucket
    int32_t older = kNone;  // neighbours in the list of idle blocks
    int32_t newer = kNone;
    bool cached = false;
  };

  static std::size_t index(BlockId block) { return static_cast<std::size_t>(block); }
  std::span<const int32_t> block_of(std::span<const int32_t> tokens, int64_t i) const;
  int64_t most_blocks(std::span<const int32_t> tokens) const;
  // The salt's root, made if there is none; nullptr if memory for it was refused.
  Roots::value_type* root_of(std::string_view salt);
  // The root as a parent; kNone, which has no children, if there is none.
  int64_t root_key(std::string_view salt) const;
  uint64_t hash_of(int64_t parent, std::span<const int32_t> tokens) const;
  // The child of `parent` that holds these tokens, or kNone.
  int32_t find(int64_t parent, uint64_t hash, std::span<const int32_t> tokens) const;
  void add(BlockId block, int64_t parent, uint64_t hash, std::span<const int32_t> tokens);
  void remove(int32_t block);
  void retain(BlockId block);
  void push_idle(int32_t block);
  void unlink_idle(int32_t block);

  BlockPool& pool_;
  int64_t block_size_;
  uint64_t hash_start_;  // another one in each tree: nobody can send prompts that share a bucket
  Roots roots_;
  int64_t next_root_ = kFirstRoot;
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;   // [blocks, block_size]
  std::vector<int32_t> buckets_;  // the first block of each; a power of two of them
  int32_t oldest_ = kNone;        // of the idle ones
  int32_t newest_ = kNone;
  int64_t idle_ = 0;
  int64_t size_ = 0;
};

}  // namespace chitu
