// The back ends under test. To add one: a line here.
#include <map>

#include "backend/cpu/cpu_ops.h"
#include "backend/cuda/cuda_ops.h"
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

// Results rounded twice to the bits that an activation has, half a unit in the last place each,
// 2^-8 of a number just above a power of two in BF16 and 2^-11 in F16. Weights in F32 or the other
// of the two are rounded once: that is 0.2 % of a result's size at worst, four times the standard
// deviation of a sum of many in BF16.
constexpr Tolerance kBf16{.activations = 0x1p-7,
                          .quantized_linear = 0x1p-7,
                          .float_linear = 0x1p-6,
                          .half_linear = 0x1p-6};
constexpr Tolerance kF16{.activations = 0x1p-10,
                         .smallest = 0x1p-25,
                         .quantized_linear = 0x1p-10,
                         .float_linear = 0x1p-9,
                         .half_linear = 0x1p-9};

Backend cuda_backend(const std::string& name, DType activations, const Tolerance& tolerance,
                     bool deterministic = false) {
  const auto make = [=](int /*threads*/) -> std::unique_ptr<Ops> {
    auto ops = make_cuda_ops({.activations = activations, .deterministic = deterministic});
    if (ops.ok()) return std::move(*ops);
    const ErrorCode code = ops.error().code;  // of a build or machine without, and else of a fault
    EXPECT_TRUE(code == ErrorCode::kUnsupported || code == ErrorCode::kNotFound)
        << ops.error().message;
    return nullptr;
  };
  return {.name = name,
          .make = make,
          .tolerance = tolerance,
          .weights = {DType::kF32, DType::kF16, DType::kBF16, DType::kF8_G128},
          .caches = {DType::kF32, DType::kF16, DType::kBF16},
          // Few tokens and many are multiplied by different kernels otherwise.
          .tokens_are_alone = deterministic};
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
      cuda_backend("cuda_bf16", DType::kBF16, kBf16),
      cuda_backend("cuda_f16", DType::kF16, kF16),
      cuda_backend("cuda_f32", DType::kF32, kExact),
      cuda_backend("cuda_bf16_deterministic", DType::kBF16, kBf16, true),
  };
}

}  // namespace chitu::conformance
