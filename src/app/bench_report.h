// What `chitu bench` prints.
#pragma once

#include <string>
#include <vector>

#include "app/bench_plan.h"
#include "app/session.h"

namespace chitu::app {

struct BenchTiming {
  BenchCase what;
  std::vector<double> speeds;  // tokens a second, in the order of the runs

  double median() const;
  double least() const;
  double most() const;
};

void print_bench_head(const Session& session, const BenchPlan& plan);
void print_bench_row(const BenchTiming& timing);

// One JSON object: what ran and how, and the results. `error` is what ended the run before the last
// case; empty: nothing did.
std::string bench_json(const Session& session, const Settings& settings, const BenchPlan& plan,
                       const std::vector<BenchTiming>& timings, std::string_view error);

}  // namespace chitu::app
