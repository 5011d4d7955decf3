// Instruction sets, and which of them this processor has.
#pragma once

#include <cstdint>
#include <string_view>

namespace chitu::cpu {

// Each includes the ones before it in its family: x86-64 or 64-bit ARM.
enum class Isa : uint8_t {
  kScalar,
  kNeon,        // what all of 64-bit ARM has
  kNeonDot,     // 8-bit integer dot products
  kAvx2,        // with FMA and F16C
  kAvx512,      // F, BW, DQ, VL
  kAvx512Vnni,  // 8-bit integer dot products
  // BF16 dot products that are faster than the same by FMA: those of AMD's processors, from Zen 4.
  // Intel's without AMX do them at half the rate of FMA.
  kAvx512Bf16,
  kAmx,  // the matrix unit with BF16 and INT8, beside all that the above need
};

// Whether a processor whose best is `best` has `isa`.
bool includes(Isa best, Isa isa);

std::string_view name(Isa isa);  // "avx512_vnni"
// For people, with all that its kernels may use: "AVX-512 VNNI".
std::string_view title(Isa isa);
// The part of it that computes with exact activations: float arithmetic alone.
Isa float_part(Isa isa);

// The best instruction set of the processor at hand that the operating system has enabled. Asks
// the system to enable AMX, if there is any, for the process.
Isa best_isa();

}  // namespace chitu::cpu
