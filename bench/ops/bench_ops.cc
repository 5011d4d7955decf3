// How fast the kernels of the CPU back end are: one line for each row of the matrix kernels' table
// that this processor can run, and those of attention and of sampling (benches.h).
//
//   bench_ops [threads] [words that a line must contain]
//
// decode: one token, GB/s of weights or cache read. prefill: 64 tokens, GFLOP/s.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/linear_table.h"
#include "benches.h"

namespace chitu {
namespace {

// Seconds of one call: the best of several, for about a quarter of a second.
template <class F>
double seconds(F&& f) {
  using Clock = std::chrono::steady_clock;
  f();
  double best = 1e9;
  for (const auto end = Clock::now() + std::chrono::milliseconds(250); Clock::now() < end;) {
    const auto start = Clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

class Bench {
 public:
  Bench(ThreadPool& pool, std::string filter) : pool_(pool), filter_(std::move(filter)) {}

  void linear(const cpu::LinearKernel& kernel) {
    const std::string label = cpu::name(kernel);
    if (label.find(filter_) == std::string::npos) return;
    auto ops = make_cpu_ops(pool_, {.arithmetic = kernel.arithmetic, .max_isa = kernel.isa});
    if (!ops.ok()) return;
    // Larger than most caches, and every value an ordinary number in every format.
    constexpr int64_t kRows = 4096;
    constexpr int64_t kCols = 4096;
    constexpr int64_t kTokens = 64;
    std::vector<std::byte> source(static_cast<std::size_t>(bytes_for(kernel.format, kRows * kCols)),
                                  std::byte{0x2a});
    const TensorRef parts[] = {TensorRef::contiguous(source.data(), kernel.format, {kRows, kCols})};
    const Weight weight = std::move((*ops)->prepare({parts})).value();
    std::vector<float> x(kTokens * kCols, 0.5F);
    std::vector<float> y(kTokens * kRows);
    const auto time = [&](int64_t tokens) {
      return seconds([&] {
        (*ops)->run(Linear{.x = TensorRef::contiguous(x.data(), DType::kF32, {tokens, kCols}),
                           .weight = &weight,
                           .y = TensorRef::contiguous(y.data(), DType::kF32, {tokens, kRows})});
      });
    };
    fmt::print("{:28} decode {:7.1f} GB/s   prefill {:8.1f} GFLOP/s\n", label,
               static_cast<double>(weight.bytes()) / time(1) * 1e-9,
               2e-9 * kTokens * kRows * kCols / time(kTokens));
  }

 private:
  ThreadPool& pool_;
  std::string filter_;
};

}  // namespace
}  // namespace chitu

int main(int argc, char** argv) {
  using namespace chitu;
  ThreadPool pool({.num_threads = argc > 1 ? std::atoi(argv[1]) : 0});
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a line as soon as it is known
  fmt::print("{} threads, {}\n", pool.size(), cpu::name(cpu::best_isa()));
  const std::string filter = argc > 2 ? argv[2] : "";
  Bench matrices(pool, filter);
  for (int i = 0; i < cpu::num_linear_kernels(); ++i) matrices.linear(cpu::linear_kernel(i));
  bench::bench_attention(pool, filter);
  bench::bench_sample(pool, filter);
}
