// Token strings and their ids, both ways.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace chitu {

// Longer tokens are refused: no real vocabulary has them, and the cost of a text grows with them.
inline constexpr size_t kMaxTokenBytes = 4096;

// And so are more tokens: real vocabularies have up to some 260,000, and each takes a hundred times
// the bytes that a hostile file spends on it.
inline constexpr size_t kMaxTokens = size_t{1} << 20;

class Vocabulary {
 public:
  static constexpr int32_t kNone = -1;

  // Room for `count` tokens of `bytes` bytes in all, so that adding them does not reallocate.
  void reserve(size_t count, size_t bytes);

  // Errors: a token longer than kMaxTokenBytes or not UTF-8, or past kMaxTokens; an id that is
  // negative, that another token has, or that lies far past the number of tokens (the table by id
  // must stay proportional to the file). The same token under a second id is allowed: find() then
  // gives the first.
  Status add(std::string_view token, int64_t id);

  int32_t find(std::string_view token) const {
    return find(prepare(token));
  }  // kNone when there is no such token

  // The same in two steps: many lookups at once need not wait for memory one after the other.
  struct Key {
    std::string_view token;
    uint32_t hash;
  };
  Key prepare(std::string_view token) const;
  int32_t find(const Key& key) const;

  std::string_view token(int32_t id) const;  // empty when no token has this id
  bool has(int32_t id) const;
  int32_t size() const { return static_cast<int32_t>(spans_.size()); }  // the largest id + 1
  size_t count() const { return count_; }

 private:
  struct Span {
    uint32_t offset = 0;
    uint32_t length = kAbsent;
  };
  struct Slot {
    uint32_t hash = 0;
    int32_t id = kNone;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;

  void grow(size_t slots);
  size_t slot_of(const Key& key) const;
  static size_t slots_for(size_t tokens);

  std::string bytes_;
  std::vector<Span> spans_;  // by id
  std::vector<Slot> slots_;  // open addressing, linear probing, a power of two
  size_t count_ = 0;
  size_t expected_ = 0;
};

}  // namespace chitu
