// What top_k and top_p keep: always the first tokens by rank, so a filter is the rank of the last
// token that it keeps. The vocabulary is not sorted. A histogram over the distance from the largest
// logit finds the bin in which the limit lies, and its tokens are gathered and sorted in shared
// memory; where they are too many (equals, as of rounded logits), the histogram goes on inside the
// bin, by the bits of the logits. Each step is one pass over the row, and there are two as a rule.
#pragma once

#include <cstdint>

#include "backend/cuda/kernels/sample/row_team.cuh"
#include "backend/cuda/kernels/sample/row_values.cuh"

namespace chitu::cuda {

inline constexpr int kBins = kTeamThreads;  // one a thread
inline constexpr int kGathered = 1024;  // tokens of a bin, and tokens before it, that are sorted

// Of each block, in shared memory.
struct SelectStorage {
  uint32_t low[kBins];  // the histogram, in halves: shared memory adds no 64 bits at once
  uint32_t high[kBins];
  uint64_t before[kGathered];  // ranks of the tokens before the bin and in the bin, of this block
  uint64_t inside[kGathered];
  uint64_t sorted[2 * kGathered];  // of the team
  int num_before;                  // more than kGathered where not all fitted
  int num_inside;
  int found_bin;
  uint64_t found;
};

// Numbers a row's tokens into bins, the most probable first. Tokens before the first bin get a
// negative number, those after the last one kBins or more.
struct Binning {
  static constexpr float kPerUnit = 64.0F;  // of distance
  static constexpr float kWindow = kBins / kPerUnit;

  Softmax softmax;
  float start = 0.0F;  // by distance: of the first bin
  bool by_key = false;
  uint32_t low_key = 0;  // by key: the keys that bins have
  uint32_t high_key = 0;
  int shift = 0;

  __device__ __forceinline__ int operator()(float number) const {
    if (!by_key) return __float2int_rd((softmax.distance(number) - start) * kPerUnit);
    const uint32_t key = key_of(number);
    if (key > high_key) return -1;
    return key < low_key ? kBins : static_cast<int>((high_key - key) >> shift);
  }
  // The keys of one bin, in as many bins as there are.
  __device__ void narrow(uint32_t low, uint32_t high) {
    by_key = true;
    low_key = low;
    high_key = high;
    shift = high - low < kBins ? 0 : 32 - __clz(static_cast<int>(high - low)) - 10;
    static_assert(kBins == 1 << 10);
  }
};

// How much is wanted of the first tokens: so many of them, so much weight, or a share of all
// weight.
struct Wanted {
  enum class Unit : uint8_t { kTokens, kWeight, kShare };

  Unit unit;
  uint64_t amount;  // 1 at least; of kShare not known yet
  float share = 0.0F;

  static __device__ uint64_t of_weight(float share, uint64_t weight) {
    const double amount = ceil(static_cast<double>(share) * static_cast<double>(weight));
    return max(uint64_t{1}, min(weight, static_cast<uint64_t>(amount)));
  }
};

template <int kBlocks>
class Selection {
 public:
  __device__ Selection(const RowTeam<kBlocks>& team, SelectStorage& storage, const RowView& row,
                       const Softmax& softmax)
      : team_(team), storage_(storage), row_(row), softmax_(softmax) {}

  // The rank of the last token that is kept: of the first that, with those before it, make what is
  // wanted. 0 where all together, or all that have a weight, are less.
  struct Limit {
    uint64_t rank;
    bool has_all;  // the first tokens up to the limit, at least, lie in sorted()
  };
  __device__ Limit find(Wanted wanted) {
    Binning bins{.softmax = softmax_};
    uint64_t passed = 0;  // of what is wanted, before the first bin
    for (;;) {
      const uint64_t weight = count(bins, wanted.unit == Wanted::Unit::kTokens);
      if (wanted.unit == Wanted::Unit::kShare) {
        wanted.unit = Wanted::Unit::kWeight;
        wanted.amount = Wanted::of_weight(wanted.share, weight);
      }
      const int bin = find_bin(wanted.amount, passed);
      if (bin < 0) {
        // Farther than two windows there is no weight left, and no token without any is drawn.
        if (bins.start > 0.0F) return {0, false};
        bins.start = Binning::kWindow;
        continue;
      }
      gather(bins, bin);
      if (num_inside_ <= kGathered) return limit_in_sorted(wanted, passed);
      const Keys keys = keys_of(bins, bin);
      if (keys.low == keys.high) return {limit_among_equals(keys.low, wanted, passed), false};
      bins.narrow(keys.low, keys.high);
    }
  }

  // With has_all: the weight of the first `count` tokens, and the rank at which they make `weight`.
  __device__ uint64_t weight_of_first(int count) const {
    uint64_t sum = 0;
    for (int i = thread(); i < min(count, num_sorted_); i += kTeamThreads)
      sum += softmax_.weight(number_of(storage_.sorted[i]));
    return team_.block_combine(sum, Sum{});
  }
  __device__ uint64_t first_that_make(uint64_t weight) const {
    const int i = 2 * thread();
    static_assert(2 * kGathered == 2 * kTeamThreads);
    const uint64_t a = i < num_sorted_ ? softmax_.weight(number_of(storage_.sorted[i])) : 0;
    const uint64_t b = i + 1 < num_sorted_ ? softmax_.weight(number_of(storage_.sorted[i + 1])) : 0;
    if (thread() == 0) storage_.found = 0;
    const uint64_t until = team_.block_prefix(a + b).inclusive;
    if (until >= weight && until - a - b < weight)
      storage_.found = storage_.sorted[until - b >= weight ? i : i + 1];
    __syncthreads();
    const uint64_t result = storage_.found;
    __syncthreads();
    return result;
  }

  // Of all tokens that rank at least `limit`.
  __device__ uint64_t weight_until(uint64_t limit) const {
    uint64_t sum = 0;
    row_.for_each(team_, [&](float x, int id) {
      if (rank_of(x, id) >= limit) sum += softmax_.weight(x);
    });
    return team_.combine(sum, Sum{});
  }

 private:
  struct Keys {
    uint32_t low;
    uint32_t high;
  };

  __device__ static int thread() { return static_cast<int>(threadIdx.x); }

  // The histogram: tokens of each bin or their weight. Returns the weight of the whole row, where
  // weights are asked for.
  __device__ uint64_t count(const Binning& bins, bool tokens) const {
    storage_.low[thread()] = storage_.high[thread()] = 0;
    __syncthreads();
    uint64_t sum = 0;
    row_.for_each(team_, [&](float x, int) {
      const int bin = bins(x);
      uint64_t amount = 1;
      if (!tokens) {
        amount = softmax_.weight(x);
        sum += amount;
      }
      if (bin >= 0 && bin < kBins) add(bin, amount);
    });
    team_.sync();
    return tokens ? 0 : team_.combine(sum, Sum{});
  }
  __device__ __forceinline__ void add(int bin, uint64_t amount) const {
    const auto low = static_cast<uint32_t>(amount);
    const uint32_t before = atomicAdd(&storage_.low[bin], low);
    const uint32_t high =
        static_cast<uint32_t>(amount >> 32) + (before + low < before ? 1U : 0U);  // carry
    if (high != 0) atomicAdd(&storage_.high[bin], high);
  }

  // The bin in which `amount` is reached, or -1. `passed` grows by what lies before it, or by all.
  __device__ int find_bin(uint64_t amount, uint64_t& passed) const {
    uint64_t own = 0;
    for (int r = 0; r < kBlocks; ++r) {
      own += uint64_t{team_.at(storage_.high, r)[thread()]} << 32;
      own += team_.at(storage_.low, r)[thread()];
    }
    if (thread() == 0) storage_.found_bin = -1;
    const auto bins = team_.block_prefix(own);
    const uint64_t until = passed + bins.inclusive;
    if (until >= amount && until - own < amount) {
      storage_.found_bin = thread();
      storage_.found = until - own;
    }
    team_.sync();
    const int bin = storage_.found_bin;
    passed = bin < 0 ? passed + bins.total : storage_.found;
    __syncthreads();
    return bin;
  }

  // Takes the tokens of a bin, and, where they are few, those before it, into sorted().
  __device__ void gather(const Binning& bins, int bin) {
    if (thread() == 0) storage_.num_before = storage_.num_inside = 0;
    __syncthreads();
    row_.for_each(team_, [&](float x, int id) {
      const int own = bins(x);
      if (own > bin) return;
      if (own == bin) {
        append(storage_.inside, storage_.num_inside, rank_of(x, id));
      } else {
        append(storage_.before, storage_.num_before, rank_of(x, id));
      }
    });
    team_.sync();
    num_before_ = num_inside_ = 0;
#pragma unroll 1
    for (int r = 0; r < kBlocks; ++r) {
      num_before_ += *team_.at(&storage_.num_before, r);
      num_inside_ += *team_.at(&storage_.num_inside, r);
    }
    has_all_ = num_before_ <= kGathered;
    if (num_inside_ <= kGathered) {
      num_sorted_ = 0;
#pragma unroll 1
      for (int r = 0; r < kBlocks; ++r) {
        if (has_all_) take(r, storage_.before, storage_.num_before);
        take(r, storage_.inside, storage_.num_inside);
      }
      sort();
    }
    team_.sync();  // others have read what this block gathered
  }
  // One addition for all lanes that come together. Counts on when the list is full.
  __device__ static void append(uint64_t* list, int& count, uint64_t rank) {
    const unsigned lanes = __activemask();
    const int first = __ffs(static_cast<int>(lanes)) - 1;
    const int lane = RowTeam<kBlocks>::lane();
    int i = lane == first ? atomicAdd(&count, __popc(lanes)) : 0;
    i = __shfl_sync(lanes, i, first) + __popc(lanes & ((1U << lane) - 1));
    if (i < kGathered) list[i] = rank;
  }
  __device__ void take(int rank, uint64_t* list, int& count) {
    const uint64_t* const from = team_.at(list, rank);
    const int n = *team_.at(&count, rank);
    for (int i = thread(); i < n; i += kTeamThreads) storage_.sorted[num_sorted_ + i] = from[i];
    num_sorted_ += n;
  }

  // Bitonic, the greatest rank first; ranks are unlike.
  __device__ void sort() const {
    int size = 2;
    while (size < num_sorted_) size *= 2;
    for (int i = num_sorted_ + thread(); i < size; i += kTeamThreads) storage_.sorted[i] = 0;
    for (int length = 2; length <= size; length *= 2) {
      for (int step = length / 2; step > 0; step /= 2) {
        __syncthreads();
        const int i = 2 * thread() - (thread() & (step - 1));  // of a pair, that without bit `step`
        if (i >= size) continue;
        const uint64_t a = storage_.sorted[i];
        const uint64_t b = storage_.sorted[i + step];
        const bool descending = (i & length) == 0;
        if (descending != (a < b)) continue;
        storage_.sorted[i] = b;
        storage_.sorted[i + step] = a;
      }
    }
    __syncthreads();
  }

  __device__ Limit limit_in_sorted(const Wanted& wanted, uint64_t passed) const {
    const uint64_t left = has_all_ ? wanted.amount : wanted.amount - passed;
    // Earlier windows and wider bins were passed too, so has_all_ counts from the first token on.
    if (wanted.unit == Wanted::Unit::kTokens) return {storage_.sorted[left - 1], has_all_};
    return {first_that_make(left), has_all_};
  }

  // The least and the greatest key of a bin.
  __device__ Keys keys_of(const Binning& bins, int bin) const {
    uint32_t high = 0;
    uint32_t low_complement = 0;
    row_.for_each(team_, [&](float x, int) {
      if (bins(x) != bin) return;
      const uint32_t key = key_of(x);
      high = max(high, key);
      low_complement = max(low_complement, ~key);
    });
    const auto low = ~static_cast<uint32_t>(team_.combine(low_complement, Largest{}));
    return {low, static_cast<uint32_t>(team_.combine(high, Largest{}))};
  }

  // Equals are ranked by the lower id.
  __device__ uint64_t limit_among_equals(uint32_t key, const Wanted& wanted,
                                         uint64_t passed) const {
    const float value = number_of(key);
    const uint64_t each =
        wanted.unit == Wanted::Unit::kTokens ? uint64_t{1} : softmax_.weight(value);
    const uint64_t needed = (wanted.amount - passed + each - 1) / each;
    const int id = locate(
        team_, row_, [&](float x, int) { return uint64_t{x == value ? 1U : 0U}; },
        [&](uint64_t) { return needed - 1; });
    return rank_of(value, id);
  }

  const RowTeam<kBlocks>& team_;
  SelectStorage& storage_;
  const RowView& row_;
  Softmax softmax_;
  int num_before_ = 0;  // the bin, of the team; at most told apart from kGathered
  int num_inside_ = 0;
  int num_sorted_ = 0;
  bool has_all_ = false;
};

}  // namespace chitu::cuda
