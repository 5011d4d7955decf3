// Sample as ops/descs.h defines it, without sorting the vocabulary.
#include <algorithm>
#include <cmath>
#include <span>

#include "backend/cpu/context.h"
#include "ops/philox.h"

namespace chitu::cpu {
namespace {

int32_t first_equal(const float* logits, float value, int64_t vocab) {
  const float* found = std::find(logits, logits + vocab, value);
  return found == logits + vocab ? 0 : static_cast<int32_t>(found - logits);
}

// Tokens and their probabilities (not normalised: the largest is 1).
class Candidates {
 public:
  // Logits become probabilities in place. `memory` holds the ids: [vocab].
  Candidates(const Context& context, float* logits, int64_t vocab, float temperature,
             int32_t* memory)
      : probability_(logits), ids_(memory, static_cast<std::size_t>(vocab)) {
    const float largest = context.rows.largest(logits, vocab);
    if (std::isfinite(largest)) {
      context.rows.softmax_terms(logits, largest, 1.0F / temperature, vocab);
    } else {  // the infinite share everything; NaN counts as minus infinity
      for (float& x : std::span(logits, ids_.size()))
        x = x == largest || (largest < 0 && x != x) ? 1.0F : 0.0F;
    }
    for (std::size_t i = 0; i < ids_.size(); ++i) ids_[i] = static_cast<int32_t>(i);
  }

  void keep_top_k(std::size_t k) {
    if (k >= ids_.size()) return;
    std::nth_element(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(k) - 1, ids_.end(),
                     before());
    ids_ = ids_.first(k);
    reordered_ = true;
  }

  void keep_top_p(double top_p) {
    const double wanted = top_p * sum();
    // The most probable come off the heap to the end of the span, one after the other.
    const auto after = [less = before()](int32_t a, int32_t b) { return less(b, a); };
    std::make_heap(ids_.begin(), ids_.end(), after);
    double covered = 0.0;
    std::size_t left = ids_.size();
    while (left > 0 && (left == ids_.size() || covered < wanted)) {
      std::pop_heap(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(left), after);
      covered += probability_[ids_[--left]];
    }
    ids_ = ids_.subspan(left);
    reordered_ = true;
  }

  void keep_min_p(float min_p) {
    const auto end = std::remove_if(ids_.begin(), ids_.end(),
                                    [&](int32_t id) { return probability_[id] < min_p; });
    ids_ = ids_.first(static_cast<std::size_t>(end - ids_.begin()));
  }

  int32_t pick(double u) {
    if (reordered_) std::sort(ids_.begin(), ids_.end());
    const double target = u * sum();
    double passed = 0.0;
    for (const int32_t id : ids_) {
      passed += probability_[id];
      if (passed > target) return id;
    }
    return ids_.back();
  }

 private:
  struct Before {
    const float* probability;
    bool operator()(int32_t a, int32_t b) const {
      return probability[a] != probability[b] ? probability[a] > probability[b] : a < b;
    }
  };
  Before before() const { return {probability_}; }

  double sum() const {
    double total = 0.0;
    for (const int32_t id : ids_) total += probability_[id];
    return total;
  }

  const float* probability_;
  std::span<int32_t> ids_;
  bool reordered_ = false;  // by a filter; ascending until then
};

int32_t sample(const Context& context, float* logits, int64_t vocab, const SamplingParams& params,
               int32_t* memory) {
  if (!(params.temperature > 0))
    return first_equal(logits, context.rows.largest(logits, vocab), vocab);
  Candidates candidates(context, logits, vocab, params.temperature, memory);
  if (params.top_k > 0) candidates.keep_top_k(static_cast<std::size_t>(params.top_k));
  if (params.top_p < 1.0F) candidates.keep_top_p(params.top_p);
  if (params.min_p > 0.0F) candidates.keep_min_p(params.min_p);
  return candidates.pick(uniform(params.seed, params.draw));
}

}  // namespace

void run(Context& context, const Sample& op) {
  const int64_t vocab = op.logits.cols();
  Workspace workspace(context.workspace);
  auto* memory = workspace.take<int32_t>(vocab * context.pool.size());
  context.pool.parallel_for(op.logits.rows(), 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t r = begin; r < end; ++r) {
      op.ids.row<int32_t>(0)[r] =
          sample(context, op.logits.row<float>(r), vocab, op.params[static_cast<std::size_t>(r)],
                 memory + thread * vocab);
    }
  });
}

int64_t workspace_bytes(const Context& context, const Sample& op) {
  return Workspace::bytes<int32_t>(op.logits.cols() * context.pool.size());
}

}  // namespace chitu::cpu
