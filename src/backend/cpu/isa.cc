#include "backend/cpu/isa.h"

#include <array>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace chitu::cpu {

namespace {

#if defined(__x86_64__)
// Linux gives the registers of the tiles to processes that ask, from version 5.16: all threads of
// this one, from then on.
bool enable_amx() {
  constexpr unsigned kBf16AndTileAndInt8 = 1U << 22 | 1U << 24 | 1U << 25;  // of EDX
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((edx & kBf16AndTileAndInt8) != kBf16AndTileAndInt8) return false;
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM of asm/prctl.h
  constexpr int kTileData = 18;               // the state component
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

}  // namespace

bool includes(Isa best, Isa isa) {
  const auto is_arm = [](Isa one) { return one == Isa::kNeon || one == Isa::kNeonDot; };
  return isa == Isa::kScalar || (is_arm(isa) == is_arm(best) && isa <= best);
}

std::string_view name(Isa isa) {
  constexpr std::array<std::string_view, 8> kNames = {
      "scalar", "neon", "neon_dot", "avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx"};
  return kNames[static_cast<std::size_t>(isa)];
}

std::string_view title(Isa isa) {
  constexpr std::array<std::string_view, 8> kTitles = {
      "scalar",  "NEON",         "NEON dot product",  "AVX2",
      "AVX-512", "AVX-512 VNNI", "AVX-512 VNNI BF16", "AMX, AVX-512 VNNI BF16"};
  return kTitles[static_cast<std::size_t>(isa)];
}

Isa float_part(Isa isa) {
  if (includes(isa, Isa::kAvx512)) return Isa::kAvx512;
  return includes(isa, Isa::kNeon) ? Isa::kNeon : isa;
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
  if (!__builtin_cpu_supports("avx512bf16")) return Isa::kAvx512Vnni;
  if (enable_amx()) return Isa::kAmx;
  return __builtin_cpu_is("amd") ? Isa::kAvx512Bf16 : Isa::kAvx512Vnni;
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? Isa::kNeonDot : Isa::kNeon;
#else
  return Isa::kScalar;
#endif
}

}  // namespace chitu::cpu
