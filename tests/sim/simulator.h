// Runs a workload through a scheduler on a fake clock, as the engine would: the next step is
// planned while the last is computed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "fake_model.h"
#include "sched/scheduler.h"
#include "sched/step_time_model.h"
#include "workload.h"

namespace chitu::sim {

struct Outcome {
  std::vector<int32_t> answer;
  FinishReason finish = FinishReason::kNone;
  double first_planned = -1;  // seconds; -1: never
  std::vector<double> token_times;
};

struct StepRecord {
  StepLoad load;
  double seconds = 0;
  double budget = 0;  // that the chunk was chosen for; 0 in steps without one
  int64_t chunk = 0;  // most tokens of prompts
};

struct SimOptions {
  // What a step takes.
  std::function<double(const StepLoad&)> seconds;
  double itl_budget = 0;                                   // 0: StepTimeModel::auto_budget()
  double until = std::numeric_limits<double>::infinity();  // then the rest is cancelled
};

struct SimResult {
  std::map<SequenceId, Outcome> outcomes;
  std::vector<StepRecord> steps;
  SchedulerStats stats;
  int64_t tried_waiting = 0;  // plans of which it was checked that whoever waited had to
  std::size_t topped_up = 0;  // sequences that came into a plan by Scheduler::top_up()
};

// Fails the running test wherever a promise of the scheduler is broken.
SimResult simulate(const Workload& workload, const SimOptions& options, std::mt19937& random);

}  // namespace chitu::sim
