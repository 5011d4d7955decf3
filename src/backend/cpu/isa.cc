#include "backend/cpu/isa.h"

#include <array>

namespace chitu::cpu {

std::string_view name(Isa isa) {
  constexpr std::array<std::string_view, 4> kNames = {"scalar", "avx2", "avx512", "avx512_vnni"};
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
  return __builtin_cpu_supports("avx512vnni") ? Isa::kAvx512Vnni : Isa::kAvx512;
#else
  return Isa::kScalar;
#endif
}

}  // namespace chitu::cpu
