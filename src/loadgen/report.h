// A run's figures as text for people and as JSON for programs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/json.h"
#include "loadgen/client.h"
#include "loadgen/statistics.h"

namespace chitu::loadgen {

// One level of concurrency.
struct Level {
  int64_t concurrency = 0;  // 0: no limit
  Statistics statistics;
};

// Requests, tokens and failures, and a table of the times in milliseconds.
std::string describe(const Level& level);
// A row for each level.
std::string describe_sweep(std::span<const Level> levels);

// A line for each (label, value) with a bar, the largest of `width` letters.
std::string bar_chart(std::string_view title, std::span<const std::pair<std::string, double>> bars,
                      std::string_view unit, int width = 40);
// The times between tokens in classes that double: how many fell into each.
std::string gap_chart(const Statistics& statistics);

// "3 s: 12 of 100 done, 16 running, 2 failed, 456 pieces/s"
std::string describe_progress(const Progress& progress);

// The names are those of vLLM's benchmark, where it has one; times in milliseconds.
json::Object to_json(const Level& level);

}  // namespace chitu::loadgen
