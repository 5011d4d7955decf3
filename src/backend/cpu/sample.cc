// Sample as ops/descs.h defines it, without sorting the vocabulary: what a filter keeps is found by
// a few passes that compare whole vectors, and only what lies close to its limit is ranked.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <span>

#include "backend/cpu/context.h"
#include "base/round_up.h"
#include "ops/adjust_logits.h"
#include "ops/philox.h"

namespace chitu::cpu {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

float number(float x) { return std::isnan(x) ? kNone : x; }  // NaN counts as minus infinity

int32_t greedy(const RowKernels& rows, const float* logits, int64_t vocab) {
  const float largest = rows.largest(logits, vocab);
  if (largest == kNone) return 0;  // all are equal
  return static_cast<int32_t>(std::find(logits, logits + vocab, largest) - logits);
}

// Makes the largest of some logits finite, changing no probability, and returns it.
float make_finite(const RowKernels& rows, float* logits, int64_t vocab) {
  const float largest = rows.largest(logits, vocab);
  if (std::isfinite(largest)) return largest;
  // The infinite share everything.
  for (float& x : std::span(logits, static_cast<std::size_t>(vocab)))
    x = number(x) == largest ? 0.0F : kNone;
  return 0.0F;
}

// The greater value, the lower position among equals.
struct Before {
  const float* values;
  bool operator()(int32_t a, int32_t b) const {
    const float x = number(values[a]);
    const float y = number(values[b]);
    return x != y ? x > y : a < b;
  }
};

// Of one thread.
struct SampleScratch {
  int32_t* ids;        // [vocab]
  int32_t* positions;  // [vocab]
  float* maxima;       // [vocab / kMaximaBlock, rounded up]
  float* raw;          // [vocab], a row as it came; where log-probabilities are wanted
};

int64_t num_blocks(int64_t vocab) { return div_up(vocab, kMaximaBlock); }

// A value that at least k of the values are as large as, and few others: k blocks have one of at
// least the k-th largest of their maxima. Minus infinity where there are too few blocks.
float bound_of_top(const RowKernels& rows, const float* values, int64_t count, int64_t k,
                   float* maxima) {
  const int64_t blocks = num_blocks(count);
  if (k >= blocks) return kNone;
  rows.block_maxima(values, count, maxima);
  float* kth = maxima + k - 1;
  std::nth_element(maxima, kth, maxima + blocks, std::greater<>());
  return *kth;
}

// Tokens, by ascending id, and a value of each, which is at first its logit.
class Candidates {
 public:
  Candidates(const Context& context, float* logits, int64_t vocab, const SampleScratch& scratch)
      : rows_(context.rows),
        values_(logits),
        scratch_(scratch),
        count_(vocab),
        largest_(make_finite(context.rows, logits, vocab)) {}

  void keep_top_k(int64_t k) {
    if (k >= count_) return;
    const float bound = bound_of_top(rows_, values_, count_, k, scratch_.maxima);
    if (bound > kNone) keep_at_least(bound);
    if (k >= count_) return;
    for (int64_t i = 0; i < count_; ++i) scratch_.positions[i] = static_cast<int32_t>(i);
    std::nth_element(scratch_.positions, scratch_.positions + k - 1, scratch_.positions + count_,
                     before());
    keep_until(scratch_.positions[k - 1]);
  }

  // Values become probabilities, not normalised: the largest is 1.
  void to_probabilities(float temperature) {
    const float factor = std::min(1.0F / temperature, std::numeric_limits<float>::max());
    rows_.softmax_terms(values_, largest_, factor, count_);
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
  float largest_;    // of the logits
  bool all_ = true;  // ids are positions
};

int32_t sample(const Context& context, float* logits, int64_t vocab, const SamplingParams& params,
               const SampleScratch& scratch) {
  if (!(params.temperature > 0)) return greedy(context.rows, logits, vocab);
  Candidates candidates(context, logits, vocab, scratch);
  if (params.top_k > 0) candidates.keep_top_k(params.top_k);
  candidates.to_probabilities(params.temperature);
  if (params.top_p < 1.0F) candidates.keep_top_p(params.top_p);
  if (params.min_p > 0.0F) candidates.keep_at_least(params.min_p);
  return candidates.pick(uniform(params.seed, params.draw));
}

// The positions of the k largest values, the largest first; fewer where there are fewer values.
std::span<const int32_t> find_top(const RowKernels& rows, const float* values, int64_t count,
                                  int64_t k, const SampleScratch& scratch) {
  k = std::min(k, count);
  int32_t* positions = scratch.positions;
  if (k == 0) return {};
  int64_t found = count;
  const float bound = bound_of_top(rows, values, count, k, scratch.maxima);
  if (bound > kNone) {
    found = rows.at_least(values, count, bound, positions);
  } else {
    std::iota(positions, positions + count, 0);
  }
  std::partial_sort(positions, positions + k, positions + found, Before{values});
  return {positions, static_cast<std::size_t>(k)};
}

// log_softmax(scratch.raw) of the sampled token and of the `top` likeliest; what is in raw is lost.
void write_logprobs(const RowKernels& rows, int64_t vocab, int32_t sampled, int32_t top,
                    const SampleScratch& scratch, int32_t* ids, float* logprobs) {
  float* raw = scratch.raw;
  const float largest = make_finite(rows, raw, vocab);
  const std::span<const int32_t> likeliest = find_top(rows, raw, vocab, top, scratch);
  *ids++ = sampled;
  int32_t* rest = std::copy(likeliest.begin(), likeliest.end(), ids);
  std::fill(rest, ids + top, -1);
  const auto count = static_cast<int64_t>(likeliest.size()) + 1;
  for (int64_t i = 0; i < count; ++i) logprobs[i] = number(raw[ids[i - 1]]) - largest;

  rows.softmax_terms(raw, largest, 1.0F, vocab);
  const auto log_sum = static_cast<float>(std::log(rows.mass(raw, vocab, 0.0F).sum));
  for (int64_t i = 0; i < count; ++i) logprobs[i] -= log_sum;
}

// Of each thread: ids, positions and maxima, and the row as it came.
int64_t scratch_words(const Sample& op) {
  const int64_t vocab = op.logits.cols();
  return (op.logprobs.empty() ? 2 : 3) * vocab + num_blocks(vocab);
}

SampleScratch scratch_at(int32_t* words, int64_t vocab) {
  auto* maxima = reinterpret_cast<float*>(words + 2 * vocab);
  return {.ids = words,
          .positions = words + vocab,
          .maxima = maxima,
          .raw = maxima + num_blocks(vocab)};
}

void sample_row(const Context& context, const Sample& op, int64_t r, const SampleScratch& scratch) {
  const int64_t vocab = op.logits.cols();
  auto* logits = op.logits.row<float>(r);
  const SamplingParams& params = op.params[static_cast<std::size_t>(r)];
  const bool wants_logprobs = params.top_logprobs >= 0;
  if (wants_logprobs) std::copy(logits, logits + vocab, scratch.raw);
  adjust_logits(adjustments_of(op, r), logits);
  const int32_t id = sample(context, logits, vocab, params, scratch);
  op.ids.row<int32_t>(0)[r] = id;
  if (!wants_logprobs) return;
  write_logprobs(context.rows, vocab, id, params.top_logprobs, scratch,
                 op.logprob_ids.row<int32_t>(r), op.logprobs.row<float>(r));
}

}  // namespace

void run(Context& context, const Sample& op) {
  Workspace workspace(context.workspace);
  auto* words = workspace.take<int32_t>(scratch_words(op) * context.pool.size());
  context.pool.parallel_for(op.logits.rows(), 1, [&](int64_t begin, int64_t end, int thread) {
    const SampleScratch scratch = scratch_at(words + thread * scratch_words(op), op.logits.cols());
    for (int64_t r = begin; r < end; ++r) sample_row(context, op, r, scratch);
  });
}

int64_t workspace_bytes(const Context& context, const Sample& op) {
  return Workspace::bytes<int32_t>(scratch_words(op) * context.pool.size());
}

}  // namespace chitu::cpu
