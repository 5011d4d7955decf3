// What `chitu bench` prints.
#pragma once

#include <string>
#include <vector>

#include "app/bench_plan.h"
#include "app/session.h"
#include "io/json.h"

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

// JSON text with numbers as people write them, 2083.45 rather than 2.08345E3.
std::string plain_json(const json::Value& value);

}  // namespace chitu::app
