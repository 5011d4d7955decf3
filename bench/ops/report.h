// What bench_ops measured, line by line, each beside what the machine could have done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cpu/isa.h"
#include "bandwidth.h"
#include "base/thread_pool.h"
#include "io/json.h"

namespace chitu::bench {

struct Options {
  std::vector<int> threads = {0};
  std::vector<int> tokens = {1, 16, 128};  // of matrices
  double seconds = 0.1;                    // of one measurement
  bool as_json = false;
  std::vector<std::string> words;  // in lower case; a line is measured that has them all
};

// One call of a kernel.
struct Measured {
  std::string kernel;       // "Q4_0 8-bit avx512_vnni": the words that choose lines
  std::string_view format;  // of the weights or of the cache
  int64_t tokens = 0;
  double seconds = 0;
  double bytes = 0;       // of weights or cache, from memory
  double operations = 0;  // additions and multiplications
  std::string_view unit;  // that computes them: ceilings::Arithmetic::name
  double bits = 0;        // that a value takes where the kernel reads it
};

// What kernels read in turn together, so that it comes from memory: four third-level caches, and
// 128 MiB at least.
std::size_t bytes_in_turn();

// The unit of FP32 FMA that kernels of `isa` use.
std::string_view fp32_unit(cpu::Isa isa);

class Report {
 public:
  Report(ThreadPool& pool, const Options& options);

  const Options& options() const { return options_; }
  ThreadPool& pool() const { return pool_; }
  // Whether `kernel` has the words that were asked for: a word of its own begins with each. Scalar
  // ones only when `scalar` is among them.
  bool wants(std::string_view kernel) const;

  // The ceiling is memory or the unit, whichever takes longer for what was done.
  void add(const Measured& what);
  // What has no ceiling but zero.
  void add_time(const std::string& kernel, double seconds);

  // What was added, where it was not printed.
  const json::Array& rows() const { return rows_; }

 private:
  struct Peak {
    std::string unit;
    double per_second;
  };
  // Measured anew for each line that it bounds: it is what neighbours on the machine leave, and
  // drifts.
  double memory_bandwidth();
  // Measured when it is first asked for.
  double peak(std::string_view unit);

  ThreadPool& pool_;
  const Options& options_;
  std::optional<ceilings::WorkingSet> memory_;
  double bandwidth_ = 0;  // as last measured
  std::vector<Peak> peaks_;
  json::Array rows_;
};

// How fast each matrix kernel is, with weights that come from memory.
void bench_linear(Report& report);
// Attention at the shapes of models in use.
void bench_attention(Report& report);
// Microseconds to draw a token of a large vocabulary.
void bench_sample(Report& report);

}  // namespace chitu::bench
