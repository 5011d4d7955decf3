#include "text/trie.h"

namespace chitu {

Trie::Trie() : roots_(256, kNone), edges_(64) {}

void Trie::add(std::string_view key, int32_t value) {
  uint32_t* root = &roots_[static_cast<unsigned char>(key[0])];
  if (*root == kNone) *root = add_node();
  uint32_t node = *root;
  for (const char c : key.substr(1)) {
    const auto byte = static_cast<uint32_t>(static_cast<unsigned char>(c));
    Edge* edge = &edges_[slot_of(node, byte)];
    if (edge->to == kNone) {
      if (2 * edge_count_ >= edges_.size()) {
        grow();
        edge = &edges_[slot_of(node, byte)];
      }
      *edge = {node, byte, add_node()};
      ++edge_count_;
    }
    node = edge->to;
  }
  values_[node] = value;
}

size_t Trie::slot_of(uint32_t node, uint32_t byte) const {
  const uint64_t product = (uint64_t{node} << 8 | byte) * 0x9E3779B97F4A7C15u;
  const size_t mask = edges_.size() - 1;
  size_t i = static_cast<size_t>(product >> 32) & mask;
  while (edges_[i].to != kNone && (edges_[i].from != node || edges_[i].byte != byte)) {
    i = (i + 1) & mask;
  }
  return i;
}

uint32_t Trie::add_node() {
  values_.push_back(-1);
  return static_cast<uint32_t>(values_.size() - 1);
}

void Trie::grow() {
  std::vector<Edge> old(2 * edges_.size());
  old.swap(edges_);
  for (const Edge& edge : old) {
    if (edge.to != kNone) edges_[slot_of(edge.from, edge.byte)] = edge;
  }
}

}  // namespace chitu
