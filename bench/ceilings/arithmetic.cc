#include "arithmetic.h"

#if defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "stopwatch.h"

namespace chitu::ceilings {
namespace {

// Of `lanes` numbers in a register, each `ops` operations.
constexpr int64_t vector_ops(int64_t lanes, int64_t ops) { return kChains * lanes * ops; }
// 16 rows by 16 columns of sums, each of `products` products.
constexpr int64_t tile_ops(int64_t products) { return kTileChains * 16 * 16 * products * 2; }

bool always() { return true; }

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
bool has_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
bool has_fp16() { return has_avx512() && __builtin_cpu_supports("avx512fp16"); }
bool has_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }

// Linux gives a process the tile registers when it asks (Documentation/arch/x86/xstate.rst).
bool has_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return __builtin_cpu_supports("amx-tile") &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
bool has_amx_bf16() { return __builtin_cpu_supports("amx-bf16") && has_tiles(); }
bool has_amx_int8() { return __builtin_cpu_supports("amx-int8") && has_tiles(); }
#endif

constexpr Arithmetic kArithmetic[] = {
    {"fp32_scalar", "FP32, the compiler's default", vector_ops(4, 2), burn_fma_scalar, always},
#if defined(__x86_64__)
    {"fp32_avx2", "FP32 FMA, AVX2", vector_ops(8, 2), burn_fma_avx2, has_avx2},
    {"fp32_avx512", "FP32 FMA, AVX-512", vector_ops(16, 2), burn_fma_avx512, has_avx512},
    {"bf16_avx512", "BF16 vdpbf16ps, AVX-512", vector_ops(32, 2), burn_bf16_avx512, has_bf16},
    {"fp16_avx512", "FP16 FMA, AVX-512", vector_ops(32, 2), burn_fp16_avx512, has_fp16},
    {"int8_avx2", "INT8 vpmaddubsw and vpaddw, AVX2", vector_ops(32, 2), burn_int8_avx2, has_avx2},
    {"int8_avx512", "INT8 vpmaddubsw and vpaddw, AVX-512", vector_ops(64, 2), burn_int8_avx512,
     has_avx512},
    {"vnni_256", "INT8 vpdpbusd, 256 bits", vector_ops(32, 2), burn_vnni_256, has_vnni},
    {"vnni_512", "INT8 vpdpbusd, 512 bits", vector_ops(64, 2), burn_vnni_512, has_vnni},
    {"amx_bf16", "BF16 tdpbf16ps, AMX", tile_ops(32), burn_bf16_amx, has_amx_bf16},
    {"amx_int8", "INT8 tdpbusd, AMX", tile_ops(64), burn_int8_amx, has_amx_int8},
#endif
};

}  // namespace

std::span<const Arithmetic> all_arithmetic() { return kArithmetic; }

Read best_read() {
#if defined(__x86_64__)
  if (has_avx512()) return read_avx512;
  if (has_avx2()) return read_avx2;
#endif
  return read_scalar;
}

double measure(const Arithmetic& unit, ThreadPool& pool, double seconds) {
  constexpr int64_t kRounds = 200'000;  // about a millisecond and more: a join is lost in it
  const double time = best_time(
      seconds, [&] { pool.share(pool.size(), [&](int64_t, int) { unit.burn(kRounds); }); });
  return static_cast<double>(pool.size() * kRounds * unit.round_ops) / time;
}

}  // namespace chitu::ceilings
