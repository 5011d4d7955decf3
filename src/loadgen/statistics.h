// The figures of a run: how long requests took, and how many tokens came out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "loadgen/record.h"

namespace chitu::loadgen {

// Between the two nearest ranks, as numpy's default does. REQUIRES: `sorted` ascends, not empty,
// 0 <= p <= 100
double percentile(std::span<const double> sorted, double p);

struct Summary {
  int64_t count = 0;  // 0: there is nothing to tell
  double mean = 0, p50 = 0, p90 = 0, p99 = 0, most = 0;
};
Summary summarize(std::vector<double> values);

// What a request must keep to be a good one, in seconds; what is not set is not asked.
struct ServiceLevel {
  std::optional<double> ttft, tpot, e2e;

  // "ttft:500 tpot:50", in milliseconds, separated by blanks or commas. Error: anything else.
  static Result<ServiceLevel> parse(std::string_view text);
  // A record without a second token has no time per output token, and keeps any.
  bool is_met_by(const RequestRecord& record) const;
};

struct Failures {
  int64_t count = 0;
  std::string example;  // what was said of the first
};

struct Statistics {
  double seconds = 0;  // from the first request's start to the last one's end
  int64_t completed = 0;
  int64_t failed = 0;
  int64_t resent = 0;                        // times that a request was sent again
  int64_t unfinished = 0;                    // when the run was interrupted
  std::map<std::string, Failures> failures;  // by kind

  // Of completed requests.
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t output_tokens = 0;
  int64_t without_usage = 0;     // requests whose tokens the server did not count
  Summary ttft, tpot, itl, e2e;  // seconds
  // Those of itl in classes that double: number i counts the times up to 2^i milliseconds.
  std::vector<int64_t> gap_classes;
  std::optional<int64_t> good;  // met the service level, when there is one

  double per_second(int64_t n) const { return seconds > 0 ? static_cast<double>(n) / seconds : 0; }
};

Statistics compute_statistics(std::span<const RequestRecord> records,
                              const std::optional<ServiceLevel>& level);

}  // namespace chitu::loadgen
