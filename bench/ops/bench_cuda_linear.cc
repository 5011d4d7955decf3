// How fast a GPU multiplies by the matrices of Llama-3-8B: microseconds, bytes of weights a second,
// and their share of what the memory does, measured in the same run.
//
//   bench_cuda_linear [--tokens N,...] [--activations BF16|F16|F32]
//
// Weights are random and come from memory: several copies are read in turn, together more than any
// second-level cache holds. Hundreds of operations are given at once, so that what is timed is the
// device and not the way to it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "arguments.h"
#include "backend/cuda/cuda_ops.h"

namespace chitu::bench {
namespace {

struct Options {
  std::vector<int> tokens = {1, 2, 4, 8, 16, 24, 32, 64, 128, 1024};
  DType activations = DType::kBF16;
};

struct Matrix {
  const char* name;
  int64_t rows;
  int64_t cols;
};
constexpr Matrix kMatrices[] = {
    {"qkv", 6144, 4096},    {"out", 4096, 4096},    {"gate_up", 28672, 4096}, {"down", 4096, 14336},
    {"head", 128256, 4096}, {"1B out", 2048, 2048}, {"1B down", 2048, 8192}};
constexpr DType kFormats[] = {DType::kBF16, DType::kF8_G128};
constexpr int64_t kBytesInTurn = int64_t{512} << 20;

Result<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--tokens") {
      TRY(tokens, ceilings::read_counts(name, value));
      options.tokens = std::move(tokens);
    } else if (name == "--activations" && dtype_from_name(value)) {
      options.activations = *dtype_from_name(value);
    } else {
      return make_error(ErrorCode::kInvalidArgument, "'{} {}' is not understood", name, value);
    }
  }
  return options;
}

// The median of several runs of `f`, a run being as many calls as take some milliseconds.
template <class F>
double seconds_of_call(Ops& ops, F&& f) {
  using Clock = std::chrono::steady_clock;
  const auto run = [&](int calls) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) f();
    if (const Status status = ops.synchronize(); !status.ok())
      fmt::print(stderr, "{}\n", status.error().message);
    return std::chrono::duration<double>(Clock::now() - start).count() / calls;
  };
  run(3);
  const int calls = std::clamp(static_cast<int>(std::ceil(0.01 / run(20))), 20, 2000);
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) times.push_back(run(calls));
  std::nth_element(times.begin(), times.begin() + 4, times.end());
  return times[4];
}

// Bytes a second, read and written, of an operation that does nothing else.
Result<double> memory_bandwidth(Ops& ops) {
  constexpr int64_t kFloats = int64_t{256} << 20;
  TRY(buffer, ops.allocate(kFloats * sizeof(float)));
  const TensorRef x =
      TensorRef::contiguous(buffer.data(), DType::kF32, {kFloats / 4096, int64_t{4096}});
  const double seconds = seconds_of_call(ops, [&] { ops.run(Scale{.x = x, .factor = 1.5F}); });
  return 2.0 * kFloats * sizeof(float) / seconds;
}

// Bits of ordinary numbers around 1 in every format: no value of zeros only, none that is not
// finite.
std::vector<std::byte> random_bytes(DType format, int64_t values) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(bytes_for(format, values)));
  std::mt19937 random(1);
  const auto block = static_cast<std::size_t>(info(format).block_bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto bits = static_cast<uint32_t>(random());
    if (format == DType::kBF16) {  // 2^-8 .. 1, either sign
      const bool high = i % 2 == 1;
      bytes[i] = static_cast<std::byte>(high ? (bits & 0x83U) | 0x3cU : bits & 0xffU);
    } else {  // a block's scale, 1.0, is its first four bytes
      constexpr uint8_t kScale[] = {0x00, 0x00, 0x80, 0x3f};
      bytes[i] = static_cast<std::byte>(i % block < 4 ? kScale[i % block] : bits & 0xb7U);
    }
  }
  return bytes;
}

Status measure(Ops& ops, const Matrix& m, DType format, const Options& options, double memory) {
  const std::vector<std::byte> source = random_bytes(format, m.rows * m.cols);
  const TensorRef parts[] = {
      TensorRef::contiguous(const_cast<std::byte*>(source.data()), format, {m.rows, m.cols})};
  std::vector<Weight> copies;
  for (int64_t bytes = 0; bytes < kBytesInTurn; bytes += copies.back().bytes()) {
    TRY(weight, ops.prepare({parts}));
    copies.push_back(std::move(weight));
  }
  for (const int64_t tokens : options.tokens) {
    const DType type = options.activations;
    TRY(x, ops.allocate(static_cast<std::size_t>(bytes_for(type, tokens * m.cols))));
    TRY(y, ops.allocate(static_cast<std::size_t>(bytes_for(type, tokens * m.rows))));
    const std::vector<std::byte> values = type == DType::kF32
                                              ? std::vector<std::byte>(x.bytes(), std::byte{0x3f})
                                              : random_bytes(DType::kBF16, tokens * m.cols);
    ops.upload(x.data(), values.data(), x.bytes());
    Linear op{.x = TensorRef::contiguous(x.data(), type, {tokens, m.cols}),
              .weight = copies.data(),
              .y = TensorRef::contiguous(y.data(), type, {tokens, m.rows})};
    TRY_STATUS(ops.reserve(ops.workspace_bytes(op)));
    std::size_t turn = 0;
    const double seconds = seconds_of_call(ops, [&] {
      op.weight = &copies[turn++ % copies.size()];
      ops.run(op);
    });
    const double bytes = static_cast<double>(copies[0].bytes()) / seconds;
    const double operations = 2.0 * static_cast<double>(tokens * m.rows * m.cols) / seconds;
    fmt::print(
        "{:<8} {:<8} {:>6} x {:<5} {:>5} tokens {:>9.2f} us {:>8.0f} GB/s {:>5.1f} % "
        "{:>7.1f} TFLOP/s\n",
        m.name, name(format), m.rows, m.cols, tokens, seconds * 1e6, bytes / 1e9,
        100 * bytes / memory, operations / 1e12);
  }
  return {};
}

Status run(const Options& options) {
  TRY(ops, make_cuda_ops({.activations = options.activations}));
  TRY(memory, memory_bandwidth(*ops));
  fmt::print("memory, read and written: {:.0f} GB/s\n", memory / 1e9);
  for (const DType format : kFormats) {
    for (const Matrix& matrix : kMatrices)
      TRY_STATUS(measure(*ops, matrix, format, options, memory));
  }
  return {};
}

int main_of(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a line as soon as it is known
  const Result<Options> options = read_options(argc, argv);
  const Status status = options.ok() ? run(*options) : Status(options.error());
  if (status.ok()) return 0;
  fmt::print(stderr, "bench_cuda_linear: {}\n", status.error().message);
  return 1;
}

}  // namespace
}  // namespace chitu::bench

int main(int argc, char** argv) { return chitu::bench::main_of(argc, argv); }
