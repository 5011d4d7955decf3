// A sequence together with what the scheduler knows of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sched/policy.h"
#include "sched/sequence.h"

namespace chitu {

struct SequenceState {
  Sequence sequence;
  bool running = false;           // has a seat, and blocks for `scheduled` tokens
  std::size_t running_place = 0;  // in the list of those running
  std::size_t waiting_place = 0;  // in the list of those waiting
  int64_t place = -1;             // in the order of those running; -1: before all that are in it
  int64_t scheduled = 0;          // tokens in the cache once all steps planned so far are computed
  int64_t prompt_end = 0;         // tokens that it had when it got its seat: what to prefill
  int64_t awaited = 0;            // tokens that steps planned so far will sample
  int64_t cached_blocks = 0;      // leading blocks that are in the prefix cache
  double waiting_since = 0;       // SequenceView::waiting_since
  int64_t last_step = -1;         // that it was planned in
  int64_t preempted_in = -1;      // the planning in which it lost its seat
  // While waiting: another sequence is computing this much of what this one begins with.
  std::optional<SequenceId> prefix_computed_by;
  int64_t awaited_prefix = 0;

  // Tokens to compute before the next can be sampled; the last may be one that is awaited.
  int64_t pending() const { return sequence.length() + awaited - scheduled; }
  // REQUIRES: running
  bool decoding() const { return scheduled >= prompt_end; }
  // Steps planned so far end it, unless a stop token does so earlier.
  bool complete() const {
    return sequence.kind == SequenceKind::kEmbed
               ? scheduled == sequence.length()
               : sequence.length() + awaited >= sequence.max_tokens;
  }

  // Tokens that the cache has to hold in the end: the last one of an answer is not computed.
  int64_t most_computed() const {
    return sequence.max_tokens - (sequence.kind == SequenceKind::kEmbed ? 0 : 1);
  }

  SequenceView view() const {
    return {.id = sequence.id,
            .running = running,
            .decoding = running && decoding(),
            .priority = sequence.priority,
            .pending = pending(),
            .cached = scheduled,
            .arrival = sequence.arrival,
            .waiting_since = waiting_since,
            .deadline = sequence.deadline};
  }
};

// Who goes first, ties included.
struct Standing {
  Rank rank{};
  double arrival = 0;
  SequenceId id{};

  auto operator<=>(const Standing&) const = default;
};

}  // namespace chitu
