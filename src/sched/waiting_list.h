// The sequences without a seat. Thousands may wait while few are admitted, so that ranking them is
// one pass over plain views, and only the first few are put in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cache/block_store.h"
#include "sched/policy.h"
#include "sched/sequence_state.h"

namespace chitu {

class WaitingList {
 public:
  bool empty() const { return states_.empty(); }
  int64_t size() const { return static_cast<int64_t>(states_.size()); }

  // Room for `count` sequences: up to that many, nothing below allocates. May throw std::bad_alloc,
  // and nothing has changed.
  void reserve(std::size_t count);
  // O(1) both. The order of the list means nothing. `cached`: leading tokens that are in the cache.
  void add(SequenceState& state, int64_t cached);
  void remove(SequenceState& state);

  // At least the largest priority in the list.
  int32_t priority_bound() const { return priority_bound_; }

  // Looks up anew how much of the next `count` sequences is cached, in turns.
  void refresh_cached(const BlockStore& blocks, std::size_t count);

  // Ranks all; first() is then the first of them and pop() goes on to the next. What is added
  // meanwhile is not among them; remove() ends it. O(n), then O(log n) for each pop().
  void rank(const Policy& policy, double now);
  bool ranked_empty() const { return heap_.empty(); }
  SequenceState& first() const { return *states_[heap_.front()]; }
  Standing standing() const { return standing(heap_.front()); }
  void pop();
  // Whether one of those ranked has at most so many tokens to compute. What of them is cached is
  // looked up for `lookups` of the first.
  bool any_within(int64_t tokens, const BlockStore& blocks, std::size_t lookups) const;

 private:
  Standing standing(uint32_t i) const { return {ranks_[i], views_[i].arrival, views_[i].id}; }
  auto later() const {
    return [this](uint32_t a, uint32_t b) { return standing(b) < standing(a); };
  }

  std::vector<SequenceState*> states_;
  std::vector<SequenceView> views_;  // of states_
  std::vector<Rank> ranks_;
  std::vector<uint32_t> heap_;  // indices of states_, the first in rank in front
  std::size_t next_refreshed_ = 0;
  int32_t priority_bound_ = INT32_MIN;
  int64_t shortest_ = 0;  // the least tokens that one of those ranked has to compute
};

}  // namespace chitu
