#include "backend/cpu/linear_table.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "backend/cpu/kernels/linear_tables.h"
#include "base/check.h"

namespace chitu::cpu {
namespace {

// In the order of preference: fast arithmetic first, newer instructions first.
using Tables = std::array<std::span<const LinearKernel>, kNumLinearTables>;
Tables tables() {
  return {
#if defined(__x86_64__)
    affine_kernels_amx(), affine_kernels_avx512_vnni(), affine_kernels_avx512(),
        affine_kernels_avx2(),
#elif defined(__aarch64__)
    affine_kernels_neon_dot(), affine_kernels_neon(),
#endif
        affine_kernels_scalar(),
#if defined(__x86_64__)
        float_kernels_amx(), float_kernels_avx512_bf16(), float_kernels_avx512(),
        float_kernels_avx2(),
#elif defined(__aarch64__)
        float_kernels_neon(),
#endif
        float_kernels_scalar(),
  };
}

}  // namespace

int find_linear_kernel(DType format, Arithmetic arithmetic, Isa isa) {
  int index = 0;
  for (const auto& table : tables()) {
    for (const LinearKernel& kernel : table) {
      const bool precise =
          arithmetic == Arithmetic::kFast || kernel.arithmetic == Arithmetic::kFloat32;
      if (kernel.format == format && kernel.isa <= isa && precise) return index;
      ++index;
    }
  }
  return kNoKernel;
}

const LinearKernel& linear_kernel(int index) {
  auto left = static_cast<std::size_t>(index);
  static const Tables all = tables();  // constant; asked for several times an operation
  std::size_t t = 0;
  while (left >= all[t].size()) {
    left -= all[t++].size();
    CHECK(t < all.size());
  }
  return all[t][left];
}

int num_linear_kernels() {
  std::size_t n = 0;
  for (const auto& table : tables()) n += table.size();
  return static_cast<int>(n);
}

std::string name(const LinearKernel& kernel) {
  constexpr std::array<std::string_view, 3> kInputs = {"float", "bf16", "8-bit"};
  return fmt::format("{} {} {}", chitu::name(kernel.format),
                     kInputs[static_cast<std::size_t>(kernel.input)], name(kernel.isa));
}

}  // namespace chitu::cpu
