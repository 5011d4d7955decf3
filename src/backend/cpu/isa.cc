#include "backend/cpu/isa.h"

#include <array>

namespace chitu::cpu {

std::string_view name(Isa isa) {
  constexpr std::array<std::string_view, 5> kNames = {"scalar", "avx2", "avx512", "avx512_vnni",
                                                      "avx512_bf16"};
  return kNames[static_cast<std::size_t>(isa)];
}

Isa best_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("f16c")) {
    return Isa::kScalar;
  }
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
    return Isa::kAvx2;
  }
  if (!__builtin_cpu_supports("avx512vnni")) return Isa::kAvx512;
  const bool fast_bf16 = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_is("amd");
  return fast_bf16 ? Isa::kAvx512Bf16 : Isa::kAvx512Vnni;
#else
  return Isa::kScalar;
#endif
}

}  // namespace chitu::cpu
