// What the machine at hand can do at most: read bandwidth of memory and caches, and the arithmetic
// of each instruction set it has. The ceilings that bench/ops and `chitu bench` are held against.
//
//   bench_ceilings [--threads N,...] [--seconds S] [--json]
//
// --threads: how many at once, one column each (default: 1 and all). --seconds: for each number
// (default 0.3). --json: one object {"threads": {"2": {"bandwidth": {...}, "arithmetic": {...}}}},
// in bytes and operations a second, instead of the table.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.h"
#include "arithmetic.h"
#include "bandwidth.h"
#include "io/json.h"

namespace chitu::ceilings {
namespace {

struct Options {
  std::vector<int> threads;
  double seconds = 0.3;
  bool as_json = false;
};

struct Measured {
  std::string group;  // "bandwidth" or "arithmetic"
  std::string name;   // in JSON
  std::string what;   // in the table
  double per_second;
};

Result<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--json") {
      options.as_json = true;
      continue;
    }
    const std::string_view value = i + 1 < argc ? argv[++i] : "";
    if (name == "--threads") {
      TRY(threads, read_counts(name, value));
      options.threads = std::move(threads);
    } else if (name == "--seconds") {
      TRY(length, read_seconds(name, value));
      options.seconds = length;
    } else {
      return make_error(ErrorCode::kInvalidArgument,
                        "unknown argument '{}'; usage: bench_ceilings [--threads N,...] "
                        "[--seconds S] [--json]",
                        name);
    }
  }
  if (options.threads.empty()) {
    options.threads = {1};
    if (usable_cpus() > 1) options.threads.push_back(usable_cpus());
  }
  return options;
}

struct Level {
  std::string_view name;
  std::size_t bytes;
  Pages pages;
};

// Sizes that lie well inside the level they are named after and well beyond the one below it.
std::vector<Level> levels(int threads) {
  const std::size_t cpus = allowed_cpus().size();
  const std::size_t l2 = l2_cache_bytes() * std::min<std::size_t>(threads, cpus) / cpus;
  const std::size_t l3 = l3_cache_bytes();
  const std::size_t memory = std::max(std::size_t{1} << 30, 4 * l3);
  return {{"memory", memory, Pages::kHuge},
          {"memory_4k", memory, Pages::kSmall},
          {"l3", std::max(4 * l2, std::min(l3 / 2, std::size_t{64} << 20)), Pages::kHuge},
          {"l2", l2 / 2, Pages::kHuge}};
}

std::string describe(const Level& level, std::size_t bytes) {
  return fmt::format("read {} MiB ({}{})", bytes >> 20, level.name.substr(0, level.name.find('_')),
                     level.pages == Pages::kSmall ? ", pages of 4 KiB" : "");
}

Result<std::vector<Measured>> measure_all(int threads, double seconds) {
  ThreadPool pool({.num_threads = threads});
  std::vector<Measured> all;
  const Read read = best_read();
  for (const Level& level : levels(threads)) {
    TRY(set, WorkingSet::make(level.bytes, level.pages, pool));
    all.push_back({"bandwidth", std::string(level.name), describe(level, set.bytes()),
                   set.measure(read, pool, seconds)});
  }
  for (const Arithmetic& unit : all_arithmetic()) {
    if (!unit.is_supported()) continue;
    all.push_back({"arithmetic", std::string(unit.name), std::string(unit.what),
                   measure(unit, pool, seconds)});
  }
  return all;
}

void print_table(int threads, const std::vector<Measured>& all) {
  fmt::print("\n| {:<38} | {:>13} |\n|{:-<40}|{:->14}:|\n", fmt::format("threads: {}", threads), "",
             "", "");
  for (const Measured& m : all) {
    fmt::print("| {:<38} | {:>7.1f} {:<5} |\n", m.what, m.per_second * 1e-9,
               m.group == "bandwidth" ? "GB/s" : "GOP/s");
  }
}

json::Object to_json(const std::vector<Measured>& all) {
  json::Object object{{"bandwidth", json::Object{}}, {"arithmetic", json::Object{}}};
  for (const Measured& m : all) object[m.group].as_object()[m.name] = m.per_second;
  return object;
}

Result<void> run(const Options& options) {
  json::Object by_threads;
  for (const int threads : options.threads) {
    TRY(all, measure_all(threads, options.seconds));
    if (options.as_json) {
      by_threads[std::to_string(threads)] = to_json(all);
    } else {
      print_table(threads, all);
    }
  }
  if (options.as_json) {
    fmt::print("{}\n", boost::json::serialize(json::Object{{"threads", std::move(by_threads)}}));
  }
  return {};
}

constexpr const char* kHelp =
    "Measures what this machine can do at most: read bandwidth and arithmetic.\n"
    "\n"
    "usage: bench_ceilings [--threads N,...] [--seconds S] [--json]\n"
    "\n"
    "  --threads N,...  how many at once, a table each (default: 1 and all)\n"
    "  --seconds S      for each number (default: 0.3)\n"
    "  --json           one JSON object, in bytes and operations a second\n";

int main_of(int argc, char** argv) {
  if (asks_for_help(argc, argv)) {
    fmt::print("{}", kHelp);
    return 0;
  }
  const Result<Options> options = read_options(argc, argv);
  if (!options.ok()) {
    fmt::print(stderr, "bench_ceilings: {}\n", options.error().message);
    return 2;
  }
  const Result<void> done = run(*options);
  if (!done.ok()) fmt::print(stderr, "bench_ceilings: {}\n", done.error().message);
  return done.ok() ? 0 : 1;
}

}  // namespace
}  // namespace chitu::ceilings

int main(int argc, char** argv) { return chitu::ceilings::main_of(argc, argv); }
