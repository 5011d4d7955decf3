// What `chitu bench` times, and whether there is room for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/args.h"
#include "app/settings.h"
#include "base/result.h"

namespace chitu::app {

// One row of the table: a prompt is timed when decode is 0, decoding otherwise.
struct BenchCase {
  int64_t prompt = 0;  // tokens of each request's prompt
  int64_t decode = 0;  // tokens of each request that are timed
  int64_t batch = 1;
  int64_t ahead = 0;  // tokens the first request may decode before the last prompt is computed

  std::string name() const;  // "pp512", "tg64", "tg64@1024"
  // The step that ends a prompt also makes a token.
  int64_t answer() const { return decode == 0 ? 1 : ahead + decode + 1; }
  int64_t tokens() const { return prompt + answer(); }
};

struct BenchPlan {
  std::vector<BenchCase> cases;
  int64_t warmup = 1;
  int64_t repetitions = 5;

  int64_t max_batch() const;
  const BenchCase& longest() const;  // REQUIRES: there is a case
};

// Errors: an option's value out of its range, nothing to time, more requests at once than
// infer.max_reqs, requests longer than infer.max_seq_len.
Result<BenchPlan> read_bench_plan(const Args& args, const Settings& settings);

// Error: `option` asks for a batch above infer.max_reqs, which would be computed fewer at a time
// and labelled wrongly.
Status check_batch(std::string_view option, int64_t batch, const Settings& settings);

// Error: a case that takes more than `tokens` a request, with the option to change and the largest
// value that works. `limit` is how the user calls that number: "infer.max_seq_len=256".
Status check_room(const BenchPlan& plan, int64_t tokens, std::string_view limit);

}  // namespace chitu::app
