#include "sched/policy.h"

#include <algorithm>

namespace chitu {
namespace {

using Views = std::span<const SequenceView>;
using Ranks = std::span<Rank>;

double urgency(const SequenceView& view) { return -static_cast<double>(view.priority); }

double waited(const SequenceView& view, double now) {
  return std::max(0.0, now - view.waiting_since);
}

void rank_fcfs(Views views, double /*now*/, Ranks ranks) {
  for (std::size_t i = 0; i < views.size(); ++i) {
    ranks[i] = {urgency(views[i]), views[i].arrival};
  }
}

void rank_prefill_first(Views views, double /*now*/, Ranks ranks) {
  for (std::size_t i = 0; i < views.size(); ++i) {
    ranks[i] = {views[i].decoding ? 1.0 : 0.0, urgency(views[i]), views[i].arrival};
  }
}

double weight(int32_t priority) { return priority >= 0 ? 1.0 + priority : 1.0 / (1.0 - priority); }

void rank_stride(Views views, double now, Ranks ranks) {
  for (std::size_t i = 0; i < views.size(); ++i) {
    ranks[i] = {-weight(views[i].priority) * waited(views[i], now), urgency(views[i])};
  }
}

void rank_deadline(Views views, double /*now*/, Ranks ranks) {
  for (std::size_t i = 0; i < views.size(); ++i) {
    ranks[i] = {urgency(views[i]), views[i].deadline};
  }
}

void rank_prefix_align(Views views, double now, Ranks ranks) {
  for (std::size_t i = 0; i < views.size(); ++i) {
    const double prefix = static_cast<double>(views[i].cached);
    ranks[i] = {urgency(views[i]), -(prefix + kPrefixTokensPerSecond * waited(views[i], now))};
  }
}

int64_t within_itl(const PromptBudget& budget) { return budget.within_itl; }
int64_t as_many_as_fit(const PromptBudget& budget) { return budget.most; }
int64_t as_many_as_decode(const PromptBudget& budget) {
  return std::min(budget.within_itl, std::max(budget.decode_rows, kLeastBalancedChunk));
}

constexpr std::array kPolicies = {
    Policy{.name = "fcfs", .rank = rank_fcfs, .prompt_tokens = within_itl},
    Policy{.name = "prefill_first",
           .rank = rank_prefill_first,
           .prompt_tokens = as_many_as_fit,
           .prompts_first = true},
    Policy{.name = "stride", .rank = rank_stride, .prompt_tokens = within_itl},
    Policy{.name = "deadline", .rank = rank_deadline, .prompt_tokens = within_itl},
    Policy{.name = "prefix_align",
           .rank = rank_prefix_align,
           .prompt_tokens = within_itl,
           .ranks_by_cache = true},
    Policy{.name = "balance", .rank = rank_fcfs, .prompt_tokens = as_many_as_decode},
};

}  // namespace

std::span<const Policy> policies() { return kPolicies; }

const Policy* find_policy(std::string_view name) {
  const auto it = std::find_if(kPolicies.begin(), kPolicies.end(),
                               [&](const Policy& policy) { return policy.name == name; });
  return it == kPolicies.end() ? nullptr : &*it;
}

const Policy& default_policy() { return kPolicies.front(); }

}  // namespace chitu
