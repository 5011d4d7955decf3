// A set of byte strings with numbers, searched by the prefixes of a text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace chitu {

class Trie {
 public:
  Trie();

  // A key that is already there gets the new value. REQUIRES: key not empty, value >= 0.
  void add(std::string_view key, int32_t value);

  // Calls f(length, value) for every key that `text` begins with, shortest first. Returns the bytes
  // of the text that were looked at.
  template <class F>
  size_t for_each_prefix(std::string_view text, F&& f) const {
    if (text.empty()) return 0;
    uint32_t node = roots_[static_cast<unsigned char>(text[0])];
    size_t length = 1;
    for (; node != kNone; ++length) {
      if (values_[node] >= 0) f(length, values_[node]);
      if (length == text.size()) break;
      node = child(node, static_cast<unsigned char>(text[length]));
    }
    return length;
  }

  bool empty() const { return values_.empty(); }
  bool may_begin(char byte) const { return roots_[static_cast<unsigned char>(byte)] != kNone; }

 private:
  struct Edge {
    uint32_t from = kNone;
    uint32_t byte = 0;
    uint32_t to = kNone;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t child(uint32_t node, uint32_t byte) const { return edges_[slot_of(node, byte)].to; }
  size_t slot_of(uint32_t node, uint32_t byte) const;
  uint32_t add_node();
  void grow();

  std::vector<uint32_t> roots_;  // by the first byte
  std::vector<int32_t> values_;  // by node; -1: no key ends here
  std::vector<Edge> edges_;      // open addressing, linear probing, a power of two
  size_t edge_count_ = 0;
};

}  // namespace chitu
