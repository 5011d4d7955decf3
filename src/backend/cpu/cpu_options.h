// How the CPU back end computes.
#pragma once

#include <cstdint>
#include <optional>

#include "backend/cpu/isa.h"

namespace chitu::cpu {

enum class Arithmetic : uint8_t {
  kFloat32,  // weights decoded to float; activations and arithmetic in float
  // Weights of 8 bits and fewer meet activations quantized to 8 bits in blocks of 32; weights in
  // BF16, and those in F16 rounded to BF16, meet activations rounded to BF16 where the processor
  // has fast instructions for that.
  kFast,
};

struct CpuOptions {
  Arithmetic arithmetic = Arithmetic::kFast;
  std::optional<Isa> max_isa;  // for tests: nothing better than this; nullopt: the processor's best
};

}  // namespace chitu::cpu
