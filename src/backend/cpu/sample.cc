// Sample as ops/descs.h defines it, without sorting the vocabulary: what a filter keeps is found by
// a few passes that compare whole vectors, and only what lies close to its limit is ranked.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

#include "backend/cpu/context.h"
#include "base/round_up.h"
#include "ops/philox.h"

namespace chitu::cpu {
namespace {

int32_t first_equal(const float* logits, float value, int64_t vocab) {
  const float* found = std::find(logits, logits + vocab, value);
  return found == logits + vocab ? 0 : static_cast<int32_t>(found - logits);
}

// Of one thread.
struct SampleScratch {
  int32_t* ids;        // [vocab]
  int32_t* positions;  // [vocab]
  float* maxima;       // [vocab / kMaximaBlock, rounded up]
};

int64_t num_blocks(int64_t vocab) { return div_up(vocab, kMaximaBlock); }

// Tokens, by ascending id, and a value of each, which is at first its logit.
class Candidates {
 public:
  Candidates(const Context& context, float* logits, int64_t vocab, const SampleScratch& scratch)
      : rows_(context.rows), values_(logits), scratch_(scratch), count_(vocab) {
    largest_ = rows_.largest(logits, vocab);
    if (std::isfinite(largest_)) return;
    // The infinite share everything; NaN counts as minus infinity.
    const float none = -std::numeric_limits<float>::infinity();
    for (float& x : std::span(values_, static_cast<std::size_t>(count_)))
      x = x == largest_ || (largest_ < 0 && x != x) ? 0.0F : none;
    largest_ = 0.0F;
  }

  void keep_top_k(int64_t k) {
    if (k >= count_) return;
    // k blocks have a value of at least the k-th largest of their maxima.
    const int64_t blocks = num_blocks(count_);
    if (k < blocks) {
      rows_.block_maxima(values_, count_, scratch_.maxima);
      float* kth = scratch_.maxima + k - 1;
      std::nth_element(scratch_.maxima, kth, scratch_.maxima + blocks, std::greater<>());
      keep_at_least(*kth);
    }
    if (k >= count_) return;
    for (int64_t i = 0; i < count_; ++i) scratch_.positions[i] = static_cast<int32_t>(i);
    std::nth_element(scratch_.positions, scratch_.positions + k - 1, scratch_.positions + count_,
                     before());
    keep_until(scratch_.positions[k - 1]);
  }

  // Values become probabilities, not normalised: the largest is 1.
  void to_probabilities(float temperature) {
    rows_.softmax_terms(values_, largest_, 1.0F / temperature, count_);
  }

  void keep_top_p(double top_p) {
    const double wanted = top_p * rows_.mass(values_, count_, 0.0F).sum;
    // Of positive floats, the bits have the order of the values. The values of at least `low` are
    // enough, those of at least `high` are not.
    uint32_t low = 0;
    uint32_t high = std::bit_cast<uint32_t>(1.0F) + 1;
    Mass above;  // of those of at least `high`
    int64_t left = count_;
    while (high - low > 1 && left - above.count > kRanked) {
      const uint32_t middle = low + (high - low) / 2;
      const Mass mass = rows_.mass(values_, count_, std::bit_cast<float>(middle));
      if (mass.sum < wanted) {
        high = middle;
        above = mass;
        continue;
      }
      low = middle;
      left = mass.count;
      if (left < count_ / 4) keep_at_least(std::bit_cast<float>(low));
    }
    keep_at_least(std::bit_cast<float>(low));
    rank_between(std::bit_cast<float>(high), above, wanted);
  }

  void keep_at_least(float least) {
    const int64_t kept = rows_.at_least(values_, count_, least, scratch_.positions);
    keep_positions(kept);
  }

  int32_t pick(double u) const {
    constexpr int64_t kBlock = 1024;
    const double target = u * rows_.mass(values_, count_, 0.0F).sum;
    double passed = 0.0;
    int64_t last = 0;  // that has a probability
    for (int64_t begin = 0; begin < count_; begin += kBlock) {
      const int64_t end = std::min(count_, begin + kBlock);
      const double sum = rows_.mass(values_ + begin, end - begin, 0.0F).sum;
      if (passed + sum <= target) {
        passed += sum;
        if (sum > 0) last = end - 1;
        continue;
      }
      for (int64_t i = begin; i < end; ++i) {
        passed += values_[i];
        if (values_[i] > 0) last = i;
        if (passed > target) return id(i);
      }
    }
    return id(last);
  }

 private:
  static constexpr int64_t kRanked = 256;

  // The more probable, the lower id among equals.
  struct Before {
    const float* values;
    bool operator()(int32_t a, int32_t b) const {
      return values[a] != values[b] ? values[a] > values[b] : a < b;
    }
  };
  Before before() const { return {values_}; }
  int32_t id(int64_t i) const { return all_ ? static_cast<int32_t>(i) : scratch_.ids[i]; }

  // Keeps the values of at least `high`, whose mass is `above`, and as many of the others, the most
  // probable first, as it takes to make `wanted`; one at least.
  void rank_between(float high, const Mass& above, double wanted) {
    int64_t others = 0;
    for (int64_t i = 0; i < count_; ++i) {
      if (values_[i] < high) scratch_.positions[others++] = static_cast<int32_t>(i);
    }
    std::sort(scratch_.positions, scratch_.positions + others, before());
    double covered = above.sum;
    int64_t taken = 0;
    while (taken < others && (taken == 0 || covered < wanted))
      covered += values_[scratch_.positions[taken++]];
    if (taken > 0) keep_until(scratch_.positions[taken - 1]);
  }

  // Keeps the one at `last` and those before it in rank.
  void keep_until(int32_t last) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count_; ++i) {
      const auto position = static_cast<int32_t>(i);
      if (!before()(last, position)) scratch_.positions[kept++] = position;
    }
    keep_positions(kept);
  }

  // Positions ascend.
  void keep_positions(int64_t kept) {
    if (kept == 0 || kept == count_) return;
    for (int64_t i = 0; i < kept; ++i) {
      const int32_t position = scratch_.positions[i];
      values_[i] = values_[position];
      scratch_.ids[i] = id(position);
    }
    all_ = false;
    count_ = kept;
  }

  const RowKernels& rows_;
  float* values_;
  SampleScratch scratch_;
  int64_t count_;
  float largest_ = 0.0F;
  bool all_ = true;  // ids are positions
};

int32_t sample(const Context& context, float* logits, int64_t vocab, const SamplingParams& params,
               const SampleScratch& scratch) {
  if (!(params.temperature > 0))
    return first_equal(logits, context.rows.largest(logits, vocab), vocab);
  Candidates candidates(context, logits, vocab, scratch);
  if (params.top_k > 0) candidates.keep_top_k(params.top_k);
  candidates.to_probabilities(params.temperature);
  if (params.top_p < 1.0F) candidates.keep_top_p(params.top_p);
  if (params.min_p > 0.0F) candidates.keep_at_least(params.min_p);
  return candidates.pick(uniform(params.seed, params.draw));
}

// Of each thread: ids, positions and maxima.
int64_t scratch_words(int64_t vocab) { return 2 * vocab + num_blocks(vocab); }

}  // namespace

void run(Context& context, const Sample& op) {
  const int64_t vocab = op.logits.cols();
  Workspace workspace(context.workspace);
  auto* words = workspace.take<int32_t>(scratch_words(vocab) * context.pool.size());
  context.pool.parallel_for(op.logits.rows(), 1, [&](int64_t begin, int64_t end, int thread) {
    int32_t* own = words + thread * scratch_words(vocab);
    const SampleScratch scratch{
        .ids = own, .positions = own + vocab, .maxima = reinterpret_cast<float*>(own + 2 * vocab)};
    for (int64_t r = begin; r < end; ++r) {
      op.ids.row<int32_t>(0)[r] = sample(context, op.logits.row<float>(r), vocab,
                                         op.params[static_cast<std::size_t>(r)], scratch);
    }
  });
}

int64_t workspace_bytes(const Context& context, const Sample& op) {
  return Workspace::bytes<int32_t>(scratch_words(op.logits.cols()) * context.pool.size());
}

}  // namespace chitu::cpu
