#include "workload.h"

#include <algorithm>

#include "fake_model.h"

namespace chitu::sim {
namespace {

int64_t pick(std::mt19937& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}
bool once_in(std::mt19937& random, int64_t n) { return pick(random, 1, n) == 1; }

std::vector<int32_t> random_tokens(std::mt19937& random, int64_t count) {
  std::vector<int32_t> tokens;
  while (count-- > 0) {
    tokens.push_back(static_cast<int32_t>(pick(random, kStopToken + 1, kVocabulary - 1)));
  }
  return tokens;
}

SchedulerLimits random_limits(std::mt19937& random, const Policy& policy, int64_t max_len) {
  SchedulerLimits limits{.max_sequences = pick(random, 1, 12), .policy = policy};
  limits.max_step_tokens = limits.max_sequences + pick(random, 0, 60);
  limits.block_size = once_in(random, 8) ? max_len : pick(random, 1, 8);
  // From a cache for one sequence to one for all.
  const int64_t longest = (max_len + limits.block_size - 1) / limits.block_size;
  limits.num_blocks = pick(random, longest, longest * (1 + limits.max_sequences / 2));
  limits.prefix_cache = !once_in(random, 4);
  limits.hybrid = !once_in(random, 4);
  if (once_in(random, 4)) limits.max_step_sequences = pick(random, 1, limits.max_sequences);
  return limits;
}

}  // namespace

Workload random_workload(std::mt19937& random, const Policy& policy) {
  const int64_t max_len = pick(random, 4, 90);
  Workload workload{.limits = random_limits(random, policy, max_len)};
  if (once_in(random, 6)) {
    SchedulerLimits& limits = workload.limits;
    workload.room_for_all = true;
    limits.num_blocks =
        limits.max_sequences * ((max_len + limits.block_size - 1) / limits.block_size);
    limits.prefix_cache = false;
  }
  if (once_in(random, 4)) workload.failure_rate = 0.02;
  workload.top_up = !once_in(random, 4);
  const std::vector<std::vector<int32_t>> beginnings = {
      {}, random_tokens(random, max_len / 2), random_tokens(random, max_len / 3)};
  const bool prioritised = once_in(random, 2);
  const double gap = std::uniform_real_distribution<double>(0, 0.05)(random);
  double now = 0;
  for (int64_t n = pick(random, 1, 40), id = 0; id < n; ++id) {
    SimRequest request;
    Sequence& s = request.sequence;
    s.id = SequenceId{id};
    s.tokens = beginnings[static_cast<std::size_t>(pick(random, 0, 2))];
    const auto more = random_tokens(
        random, pick(random, s.tokens.empty() ? 1 : 0, std::max<int64_t>(1, max_len / 3)));
    s.tokens.insert(s.tokens.end(), more.begin(), more.end());
    s.tokens.resize(std::min(s.tokens.size(), static_cast<std::size_t>(max_len - 1)));
    s.max_tokens = pick(random, s.length() + 1, max_len);
    s.stop_tokens = {kStopToken};
    s.min_tokens = once_in(random, 4) ? 5 : 0;
    if (once_in(random, 8)) s.kind = SequenceKind::kEmbed;
    if (once_in(random, 3)) s.cache_salt = "tenant";
    if (prioritised) s.priority = static_cast<int32_t>(pick(random, -1, 2));
    if (once_in(random, 2)) s.deadline = now + static_cast<double>(pick(random, 0, 10));
    s.arrival = now;
    if (once_in(random, 6))
      request.cancelled_at = now + 0.01 * static_cast<double>(pick(random, 0, 80));
    workload.requests.push_back(std::move(request));
    if (!once_in(random, 3)) now += gap * static_cast<double>(pick(random, 0, 4));  // or at once
  }
  return workload;
}

}  // namespace chitu::sim
