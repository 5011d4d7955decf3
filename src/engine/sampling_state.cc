#include "engine/sampling_state.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"

namespace chitu {
namespace {

constexpr int32_t kFree = -1;  // an entry of the hash table

// Where the search for a token begins in a table of `size` entries, a power of two of at least 2:
// multiplicative hashing (Knuth, The Art of Computer Programming, vol. 3, section 6.4).
std::size_t slot_of(int32_t token, std::size_t size) {
  return static_cast<uint32_t>(token) * 2654435769U >> (32 - std::countr_zero(size));
}

}  // namespace

SamplingState::SamplingState(const SamplingOptions& options, const Request& request)
    : params_{.temperature = options.temperature,
              .top_k = std::max(options.top_k, 0),
              .top_p = options.top_p,
              .min_p = options.min_p,
              .seed = options.seed,
              .top_logprobs = options.top_logprobs},
      repetition_(options.repetition_penalty),
      frequency_(options.frequency_penalty),
      presence_(options.presence_penalty),
      min_tokens_(request.min_tokens) {
  if (min_tokens_ > 0) {
    for (const int32_t token : request.stop_tokens) {
      if (token >= 0 && token < request.vocab_size)
        banned_.push_back({.token = token, .bias = -std::numeric_limits<float>::infinity()});
    }
  }
  const bool repetition = repetition_ != 1.0F;
  counts_answer_ = repetition || frequency_ != 0.0F || presence_ != 0.0F;

  auto most = static_cast<int64_t>(options.logit_bias.size());
  if (repetition) most += static_cast<int64_t>(request.prompt.size());
  if (counts_answer_) most += request.max_tokens;
  most = std::min(most, request.vocab_size);
  max_adjustments_ = most + static_cast<int64_t>(banned_.size());
  if (most == 0) return;

  adjustments_.reserve(static_cast<std::size_t>(most));
  counts_.reserve(static_cast<std::size_t>(most));
  table_.assign(std::bit_ceil(2 * static_cast<std::size_t>(most)), kFree);
  for (const LogitBias& entry : options.logit_bias) {
    const std::size_t i = find_or_add(entry.token);
    counts_[i].bias += entry.bias;
    adjustments_[i].bias = counts_[i].bias;
  }
  if (!repetition) return;
  for (const int32_t token : request.prompt)
    adjustments_[find_or_add(token)].repetition = repetition_;
}

void SamplingState::append_adjustments(std::vector<LogitAdjustment>& out) const {
  out.insert(out.end(), adjustments_.begin(), adjustments_.end());
  if (static_cast<int64_t>(params_.draw) < min_tokens_)
    out.insert(out.end(), banned_.begin(), banned_.end());
}

void SamplingState::append(int32_t token) {
  ++params_.draw;
  if (!counts_answer_) return;
  const std::size_t i = find_or_add(token);
  Count& count = counts_[i];
  ++count.in_answer;
  adjustments_[i].repetition = repetition_;
  adjustments_[i].bias = count.bias - presence_ - frequency_ * static_cast<float>(count.in_answer);
}

std::size_t SamplingState::find_or_add(int32_t token) {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = slot_of(token, table_.size());
  for (; table_[slot] != kFree; slot = (slot + 1) & mask) {
    const auto i = static_cast<std::size_t>(table_[slot]);
    if (adjustments_[i].token == token) return i;
  }
  CHECK(adjustments_.size() < adjustments_.capacity());
  table_[slot] = static_cast<int32_t>(adjustments_.size());
  adjustments_.push_back({.token = token});
  counts_.push_back({});
  return adjustments_.size() - 1;
}

}  // namespace chitu
