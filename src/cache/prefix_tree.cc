#include "cache/prefix_tree.h"

#include <algorithm>
#include <bit>
#include <new>
#include <random>

#include "base/check.h"

namespace chitu {
namespace {

// Multiplication moves every bit upwards, the rotation back down. Good enough to spread: what is
// found is compared.
uint64_t mix(uint64_t hash, uint64_t value) {
  return std::rotr((hash ^ value) * 0x9E3779B97F4A7C15ULL, 29);
}

uint64_t random_number() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

}  // namespace

PrefixTree::PrefixTree(BlockPool& pool, int64_t block_size)
    : pool_(pool),
      block_size_(block_size),
      hash_start_(random_number()),
      nodes_(static_cast<std::size_t>(pool.size())),
      tokens_(static_cast<std::size_t>(pool.size() * block_size)),
      buckets_(std::bit_ceil(nodes_.size() + 1), kNone) {
  CHECK(block_size >= 1);
}

void PrefixTree::match(std::string_view salt, std::span<const int32_t> tokens,
                       std::vector<BlockId>& blocks) {
  int64_t parent = root_key(salt);
  for (int64_t i = 0; i < most_blocks(tokens); ++i) {
    const std::span<const int32_t> text = block_of(tokens, i);
    const int32_t child = find(parent, hash_of(parent, text), text);
    if (child == kNone) return;
    retain(BlockId{child});
    blocks.push_back(BlockId{child});
    parent = child;
  }
}

int64_t PrefixTree::match_length(std::string_view salt, std::span<const int32_t> tokens) const {
  int64_t parent = root_key(salt);
  int64_t i = 0;
  for (; i < most_blocks(tokens); ++i) {
    const std::span<const int32_t> text = block_of(tokens, i);
    const int32_t child = find(parent, hash_of(parent, text), text);
    if (child == kNone) break;
    parent = child;
  }
  return i * block_size_;
}

int64_t PrefixTree::insert(std::string_view salt, std::span<const int32_t> tokens,
                           std::span<BlockId> blocks, int64_t cached) {
  const auto count = static_cast<int64_t>(blocks.size());
  CHECK(cached <= count && count * block_size_ <= static_cast<int64_t>(tokens.size()));
  if (cached == count) return cached;
  Roots::value_type* root = nullptr;
  int64_t parent = 0;
  if (cached == 0) {
    root = root_of(salt);
    if (root == nullptr) return 0;
    parent = root->second.key;
  } else {
    const BlockId last = blocks[static_cast<std::size_t>(cached - 1)];
    CHECK(nodes_[index(last)].cached);
    parent = static_cast<int64_t>(last);
  }
  for (int64_t i = cached; i < count; ++i) {
    BlockId& block = blocks[static_cast<std::size_t>(i)];
    const std::span<const int32_t> text = block_of(tokens, i);
    const uint64_t hash = hash_of(parent, text);
    if (const int32_t child = find(parent, hash, text); child != kNone) {
      retain(BlockId{child});
      pool_.release(block);
      block = BlockId{child};
    } else {
      add(block, parent, hash, text);
      if (i == 0) {
        nodes_[index(block)].root = root;
        ++root->second.children;
      }
    }
    parent = static_cast<int64_t>(block);
  }
  return count;
}

void PrefixTree::release(std::span<const BlockId> blocks) {
  // Backwards, so that a block is older among the idle ones than the block above it, and the oldest
  // of all has nothing below it.
  for (std::size_t i = blocks.size(); i-- > 0;) {
    const BlockId block = blocks[i];
    pool_.release(block);
    if (nodes_[index(block)].cached && pool_.references(block) == 1) {
      push_idle(static_cast<int32_t>(block));
    }
  }
}

int64_t PrefixTree::evict(int64_t count) {
  int64_t freed = 0;
  for (; freed < count && oldest_ != kNone; ++freed) {
    const int32_t block = oldest_;
    unlink_idle(block);
    remove(block);
    pool_.release(BlockId{block});
  }
  return freed;
}

std::span<const int32_t> PrefixTree::block_of(std::span<const int32_t> tokens, int64_t i) const {
  return tokens.subspan(static_cast<std::size_t>(i * block_size_),
                        static_cast<std::size_t>(block_size_));
}

int64_t PrefixTree::most_blocks(std::span<const int32_t> tokens) const {
  return tokens.empty() ? 0 : (static_cast<int64_t>(tokens.size()) - 1) / block_size_;
}

int64_t PrefixTree::root_key(std::string_view salt) const {
  const auto it = roots_.find(salt);
  return it == roots_.end() ? kNone : it->second.key;
}

uint64_t PrefixTree::hash_of(int64_t parent, std::span<const int32_t> tokens) const {
  uint64_t hash = mix(hash_start_, static_cast<uint64_t>(parent));
  for (const int32_t token : tokens) hash = mix(hash, static_cast<uint32_t>(token));
  return hash;
}

PrefixTree::Roots::value_type* PrefixTree::root_of(std::string_view salt) {
  if (const auto it = roots_.find(salt); it != roots_.end()) return &*it;
  try {
    return &*roots_.emplace(salt, Root{.key = next_root_--}).first;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

int32_t PrefixTree::find(int64_t parent, uint64_t hash, std::span<const int32_t> tokens) const {
  int32_t block = buckets_[hash & (buckets_.size() - 1)];
  for (; block != kNone; block = nodes_[static_cast<std::size_t>(block)].next) {
    const Node& node = nodes_[static_cast<std::size_t>(block)];
    if (node.hash == hash && node.parent == parent &&
        std::equal(tokens.begin(), tokens.end(), tokens_.begin() + block * block_size_)) {
      break;
    }
  }
  return block;
}

void PrefixTree::add(BlockId block, int64_t parent, uint64_t hash,
                     std::span<const int32_t> tokens) {
  Node& node = nodes_[index(block)];
  CHECK(!node.cached);
  int32_t& bucket = buckets_[hash & (buckets_.size() - 1)];
  node = {.parent = parent, .hash = hash, .next = bucket, .cached = true};
  bucket = static_cast<int32_t>(block);
  std::copy(tokens.begin(), tokens.end(),
            tokens_.begin() + static_cast<int64_t>(block) * block_size_);
  pool_.retain(block);
  ++size_;
}

void PrefixTree::remove(int32_t block) {
  Node& node = nodes_[static_cast<std::size_t>(block)];
  int32_t* link = &buckets_[node.hash & (buckets_.size() - 1)];
  while (*link != block) link = &nodes_[static_cast<std::size_t>(*link)].next;
  *link = node.next;
  if (node.root != nullptr && --node.root->second.children == 0) {
    roots_.erase(roots_.find(node.root->first));
  }
  node = {};
  --size_;
}

void PrefixTree::retain(BlockId block) {
  if (pool_.references(block) == 1) unlink_idle(static_cast<int32_t>(block));
  pool_.retain(block);
}

void PrefixTree::push_idle(int32_t block) {
  nodes_[static_cast<std::size_t>(block)].older = newest_;
  nodes_[static_cast<std::size_t>(block)].newer = kNone;
  (newest_ == kNone ? oldest_ : nodes_[static_cast<std::size_t>(newest_)].newer) = block;
  newest_ = block;
  ++idle_;
}

void PrefixTree::unlink_idle(int32_t block) {
  const Node& node = nodes_[static_cast<std::size_t>(block)];
  (node.older == kNone ? oldest_ : nodes_[static_cast<std::size_t>(node.older)].newer) = node.newer;
  (node.newer == kNone ? newest_ : nodes_[static_cast<std::size_t>(node.newer)].older) = node.older;
  --idle_;
}

}  // namespace chitu
