// Peak arithmetic: operations on registers, nothing read from memory.
#pragma once

#include <span>
#include <string_view>

#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace chitu::ceilings {

struct Arithmetic {
  std::string_view name;  // "vnni_512"
  std::string_view what;  // "INT8 vpdpbusd, AVX-512"
  int64_t round_ops;      // additions and multiplications of one round
  Burn burn;
  bool (*is_supported)();  // by the processor at hand and its operating system
};

std::span<const Arithmetic> all_arithmetic();

// The widest loads that the processor has.
Read best_read();

// Operations a second of all threads together, the best of several runs in about `seconds`.
double measure(const Arithmetic& unit, ThreadPool& pool, double seconds);

}  // namespace chitu::ceilings
