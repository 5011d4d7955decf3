#include "sched/waiting_list.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace chitu {

void WaitingList::reserve(std::size_t count) {
  // In large strides, so that adding one by one stays cheap.
  if (count <= heap_.capacity()) return;
  count = std::max(count, 2 * heap_.capacity());
  states_.reserve(count);
  views_.reserve(count);
  ranks_.reserve(count);
  heap_.reserve(count);
}

void WaitingList::add(SequenceState& state, int64_t cached) {
  CHECK(states_.size() < heap_.capacity());
  state.waiting_place = states_.size();
  states_.push_back(&state);
  views_.push_back(state.view());
  views_.back().cached = cached;
  priority_bound_ = std::max(priority_bound_, state.sequence.priority);
}

void WaitingList::remove(SequenceState& state) {
  const std::size_t place = state.waiting_place;
  CHECK(place < states_.size() && states_[place] == &state);
  states_[place] = states_.back();
  states_[place]->waiting_place = place;
  views_[place] = views_.back();
  states_.pop_back();
  views_.pop_back();
  heap_.clear();
}

void WaitingList::refresh_cached(const BlockStore& blocks, std::size_t count) {
  for (count = std::min(count, states_.size()); count > 0; --count) {
    if (++next_refreshed_ >= states_.size()) next_refreshed_ = 0;
    const Sequence& sequence = states_[next_refreshed_]->sequence;
    views_[next_refreshed_].cached = blocks.match_length(sequence.cache_salt, sequence.tokens);
  }
}

void WaitingList::rank(const Policy& policy, double now) {
  ranks_.resize(views_.size());
  policy.rank(views_, now, ranks_);
  priority_bound_ = INT32_MIN;
  shortest_ = INT64_MAX;
  for (const SequenceView& view : views_) {
    priority_bound_ = std::max(priority_bound_, view.priority);
    shortest_ = std::min(shortest_, view.pending);
  }
  heap_.resize(views_.size());
  std::iota(heap_.begin(), heap_.end(), 0U);
  std::make_heap(heap_.begin(), heap_.end(), later());
}

void WaitingList::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), later());
  heap_.pop_back();
}

bool WaitingList::any_within(int64_t tokens, const BlockStore& blocks, std::size_t lookups) const {
  if (heap_.empty()) return false;
  if (shortest_ <= tokens) return true;
  return std::any_of(
      heap_.begin(), heap_.begin() + std::min(lookups, heap_.size()), [&](uint32_t i) {
        const Sequence& sequence = states_[i]->sequence;
        return views_[i].pending - blocks.match_length(sequence.cache_salt, sequence.tokens) <=
               tokens;
      });
}

}  // namespace chitu
