// The back ends under test. To add one: a line here.
#include <map>

#include "backend/cpu/cpu_ops.h"
#include "harness.h"

namespace chitu::conformance {
namespace {

constexpr Tolerance kExact{};
constexpr Tolerance kQuantizedActivations{.quantized_linear = 0.03};
constexpr Tolerance kRoundedActivations{.quantized_linear = 0.03, .half_linear = 0.009};

// One for all back ends, for each number of threads.
ThreadPool& pool(int threads) {
  static std::map<int, ThreadPool> pools;
  return pools.try_emplace(threads, ThreadPoolOptions{.num_threads = threads, .pin = Pin::kOff})
      .first->second;
}

Backend cpu_backend(const std::string& name, cpu::Isa isa, cpu::Arithmetic arithmetic) {
  const auto make = [=](int threads) -> std::unique_ptr<Ops> {
    auto ops = make_cpu_ops(pool(threads), {.arithmetic = arithmetic, .max_isa = isa});
    return ops.ok() ? std::move(*ops) : nullptr;
  };
  const Tolerance& fast =
      isa >= cpu::Isa::kAvx512Bf16 ? kRoundedActivations : kQuantizedActivations;
  return {name, make, arithmetic == cpu::Arithmetic::kFast ? fast : kExact};
}

}  // namespace

std::vector<Backend> backends() {
  using cpu::Arithmetic;
  using cpu::Isa;
  return {
      cpu_backend("cpu_scalar_float32", Isa::kScalar, Arithmetic::kFloat32),
      cpu_backend("cpu_scalar_fast", Isa::kScalar, Arithmetic::kFast),
      cpu_backend("cpu_neon_float32", Isa::kNeon, Arithmetic::kFloat32),
      cpu_backend("cpu_neon_fast", Isa::kNeon, Arithmetic::kFast),
      cpu_backend("cpu_neon_dot_fast", Isa::kNeonDot, Arithmetic::kFast),
      cpu_backend("cpu_avx2_float32", Isa::kAvx2, Arithmetic::kFloat32),
      cpu_backend("cpu_avx2_fast", Isa::kAvx2, Arithmetic::kFast),
      cpu_backend("cpu_avx512_float32", Isa::kAvx512, Arithmetic::kFloat32),
      cpu_backend("cpu_avx512_fast", Isa::kAvx512, Arithmetic::kFast),
      cpu_backend("cpu_avx512_vnni_fast", Isa::kAvx512Vnni, Arithmetic::kFast),
      cpu_backend("cpu_avx512_bf16_fast", Isa::kAvx512Bf16, Arithmetic::kFast),
      cpu_backend("cpu_amx_fast", Isa::kAmx, Arithmetic::kFast),
  };
}

}  // namespace chitu::conformance
