#include <vector>

#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/linear_table.h"
#include "report.h"
#include "timing.h"

namespace chitu::bench {
namespace {

constexpr int64_t kRows = 4096;
constexpr int64_t kCols = 4096;

std::string_view unit(const cpu::LinearKernel& kernel) {
  if (kernel.input == cpu::LinearInput::kBf16)
    return kernel.isa >= cpu::Isa::kAmx ? "amx_bf16" : "bf16_avx512";
  if (kernel.input == cpu::LinearInput::kQuantized) {
    if (kernel.isa >= cpu::Isa::kAmx) return "amx_int8";
    if (kernel.isa >= cpu::Isa::kAvx512Vnni) return "vnni_512";
    if (kernel.isa >= cpu::Isa::kAvx512) return "int8_avx512";
    if (kernel.isa >= cpu::Isa::kAvx2) return "int8_avx2";
  }
  return fp32_unit(kernel.isa);
}

// Copies of one weight, enough that none is in a cache when its turn comes.
class Copies {
 public:
  static Result<Copies> make(Ops& ops, DType format) {
    // An ordinary number in every format.
    std::vector<std::byte> source(static_cast<std::size_t>(bytes_for(format, kRows * kCols)),
                                  std::byte{0x2a});
    const TensorRef parts[] = {TensorRef::contiguous(source.data(), format, {kRows, kCols})};
    Copies copies;
    for (std::size_t bytes = 0; bytes < bytes_in_turn();) {
      TRY(weight, ops.prepare({parts}));
      bytes += static_cast<std::size_t>(weight.bytes());
      copies.weights_.push_back(std::move(weight));
    }
    return copies;
  }

  const Weight& first() const { return weights_.front(); }
  const Weight& next() {
    turn_ = (turn_ + 1) % weights_.size();
    return weights_[turn_];
  }

 private:
  std::vector<Weight> weights_;
  std::size_t turn_ = 0;
};

void bench_kernel(Report& report, int index) {
  const cpu::LinearKernel& kernel = cpu::linear_kernel(index);
  const std::string label = cpu::name(kernel);
  if (!report.wants(label)) return;
  const auto ops =
      make_cpu_ops(report.pool(), {.arithmetic = kernel.arithmetic, .max_isa = kernel.isa});
  if (!ops.ok()) return;  // not on this processor
  Result<Copies> copies = Copies::make(**ops, kernel.format);
  if (!copies.ok() || copies->first().segments[0].layout != index) return;
  const auto bytes = static_cast<double>(copies->first().bytes());
  for (const int tokens : report.options().tokens) {
    std::vector<float> x(static_cast<std::size_t>(tokens * kCols), 0.5F);
    std::vector<float> y(static_cast<std::size_t>(tokens * kRows));
    const double time = time_of_call(report.options().seconds, [&] {
      (*ops)->run(Linear{.x = TensorRef::contiguous(x.data(), DType::kF32, {tokens, kCols}),
                         .weight = &copies->next(),
                         .y = TensorRef::contiguous(y.data(), DType::kF32, {tokens, kRows})});
    });
    report.add({.kernel = label,
                .format = name(kernel.format),
                .tokens = tokens,
                .seconds = time,
                .bytes = bytes,
                .operations = 2.0 * static_cast<double>(tokens * kRows * kCols),
                .unit = unit(kernel),
                .bits = 8 * bytes / static_cast<double>(kRows * kCols)});
  }
}

}  // namespace

void bench_linear(Report& report) {
  for (int i = 0; i < cpu::num_linear_kernels(); ++i) bench_kernel(report, i);
}

}  // namespace chitu::bench
