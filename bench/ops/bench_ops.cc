// How fast the kernels of the CPU back end are: one line for each row of the matrix kernels' table
// that this processor can run, and for attention.
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

  void attention(cpu::Isa isa, DType cache) {
    const std::string label = fmt::format("attention {} {}", name(cache), cpu::name(isa));
    if (label.find(filter_) == std::string::npos) return;
    auto ops = make_cpu_ops(pool_, {.max_isa = isa});
    if (!ops.ok()) return;
    const double decode = attention_seconds(**ops, cache, 4096, 1);
    const double prefill = attention_seconds(**ops, cache, 512, 512);
    fmt::print("{:28} decode {:7.1f} GB/s   prefill {:8.1f} GFLOP/s\n", label,
               2e-9 * kKvHeads * static_cast<double>(bytes_for(cache, 4096 * kHeadDim)) / decode,
               4e-9 * kHeads * kHeadDim * 512 * 513 / 2 / prefill);
  }

 private:
  static constexpr int64_t kHeads = 32;
  static constexpr int64_t kKvHeads = 8;
  static constexpr int64_t kHeadDim = 128;

  // The last `tokens` of a context of `context` tokens.
  static double attention_seconds(Ops& ops, DType cache, int64_t context, int64_t tokens) {
    const Shape shape{1, kKvHeads, context, kHeadDim};
    std::vector<std::byte> memory(static_cast<std::size_t>(bytes_for(cache, shape.elements())),
                                  std::byte{0x2a});
    const TensorRef kv = TensorRef::contiguous(memory.data(), cache, shape);
    std::vector<float> q(static_cast<std::size_t>(tokens * kHeads * kHeadDim), 0.1F);
    std::vector<float> out(q.size());
    std::vector<int32_t> positions(static_cast<std::size_t>(tokens));
    for (int64_t t = 0; t < tokens; ++t)
      positions[static_cast<std::size_t>(t)] = static_cast<int32_t>(context - tokens + t);
    std::vector<int32_t> q_starts = {0, static_cast<int32_t>(tokens)};
    std::vector<int32_t> lens = {static_cast<int32_t>(context)};
    std::vector<int32_t> table = {0};
    const auto ints = [](std::vector<int32_t>& v) {
      return TensorRef::contiguous(v.data(), DType::kI32, {static_cast<int64_t>(v.size())});
    };
    const AttentionPlan plan{
        .positions = ints(positions),
        .slots = ints(positions),
        .q_starts = ints(q_starts),
        .kv_lens = ints(lens),
        .block_table = TensorRef::contiguous(table.data(), DType::kI32, {1, 1}),
        .block_size = context,
        .num_tokens = tokens,
        .num_sequences = 1,
        .max_q_len = tokens,
        .max_kv_len = context};
    const Shape rows{tokens, kHeads * kHeadDim};
    return seconds([&] {
      ops.run(Attention{.q = TensorRef::contiguous(q.data(), DType::kF32, rows),
                        .kv = {kv, kv},
                        .plan = &plan,
                        .heads = kHeads,
                        .scale = 0.088F,
                        .out = TensorRef::contiguous(out.data(), DType::kF32, rows)});
    });
  }

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
  Bench bench(pool, argc > 2 ? argv[2] : "");
  for (int i = 0; i < cpu::num_linear_kernels(); ++i) bench.linear(cpu::linear_kernel(i));
  for (const cpu::Isa isa : {cpu::Isa::kScalar, cpu::Isa::kAvx2, cpu::Isa::kAvx512}) {
    for (const DType cache : {DType::kF32, DType::kF16, DType::kBF16}) bench.attention(isa, cache);
  }
}
