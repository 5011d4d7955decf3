// Random requests, and random limits to serve them within.
#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "sched/scheduler.h"

namespace chitu::sim {

struct SimRequest {
  Sequence sequence;  // its arrival says when it is added
  double cancelled_at = std::numeric_limits<double>::infinity();
};

struct Workload {
  SchedulerLimits limits;
  std::vector<SimRequest> requests;  // by arrival; ids are their indices
  double failure_rate = 0;           // of steps
  bool room_for_all = false;         // blocks for the longest in every seat
  bool top_up = true;                // plans are topped up before they are computed
};

// Mostly few blocks, so that there is preemption; prompts that share beginnings; cancellations,
// embeddings, priorities, deadlines, salts, and now and then a step that fails.
Workload random_workload(std::mt19937& random, const Policy& policy);

}  // namespace chitu::sim
