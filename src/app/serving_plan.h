// What `chitu bench serving` sends, to whom, and when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/args.h"
#include "base/result.h"
#include "loadgen/client.h"
#include "loadgen/request_body.h"
#include "loadgen/statistics.h"
#include "loadgen/workload.h"

namespace chitu::app {

struct ServingPlan {
  std::string base_url;
  loadgen::ClientOptions client;
  loadgen::BodyOptions body;           // an empty model: the first that the server lists
  std::vector<int64_t> concurrencies;  // one run for each; 0: no limit
  int64_t num_prompts = 0;
  int64_t warmup = 0;
  double request_rate = 0;
  double burstiness = 1;
  loadgen::RandomPrompts random;
  std::vector<loadgen::Prompt> pool;  // of ShareGPT's conversations; empty: random prompts
  std::optional<int64_t> output_len;  // of all answers, whatever the conversation's was
  std::optional<loadgen::ServiceLevel> level;
  uint64_t seed = 0;

  // The requests of a run, the first of which is due at once: 0 is the warm-up, the others are
  // those of `concurrencies`. Each has prompts of its own, so that none finds them in a server's
  // cache, unless the pool is too small.
  std::vector<loadgen::Job> jobs(int64_t run) const;
  // How many requests of all runs have a prompt of the pool that was sent before.
  int64_t repeated_prompts() const;
};

// Errors: an option's value out of its range, options that exclude each other, a file that will not
// do, more prompts than fit into memory.
Result<ServingPlan> read_serving_plan(const Args& args);

}  // namespace chitu::app
