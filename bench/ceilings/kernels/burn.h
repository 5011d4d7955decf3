// The one loop behind the functions of kernels.h that work on vector registers.
#pragma once

#include "kernels/kernels.h"

namespace chitu::ceilings {

// Makes the value unknown to the compiler, so that what computed it cannot be left out.
template <class Vec>
inline void hide(Vec& value) {
  asm volatile("" : "+v"(value));
}

// `Unit` names a vector type Vec, its value of equal lanes fill(x), and step(sum, a, b), one
// instruction. It must be a type of an anonymous namespace, so that no two sources share a
// function. The values stay finite: sums of FMA go to 1, those of dot products grow by the width at
// most.
template <class Unit>
void burn(int64_t rounds) {
  using Vec = typename Unit::Vec;
  Vec a = Unit::fill(0.5F);
  Vec b = Unit::fill(0.5F);
  hide(a);
  hide(b);
  const Vec start = Unit::fill(0.25F);
  // Variables, not an array, which GCC 12 keeps in memory for some types.
  Vec s0 = start, s1 = start, s2 = start, s3 = start, s4 = start, s5 = start;
  Vec s6 = start, s7 = start, s8 = start, s9 = start, s10 = start, s11 = start;
  const auto step = [&](auto&... sums) {
    static_assert(sizeof...(sums) == kChains);
    ((sums = Unit::step(sums, a, b)), ...);
    (hide(sums), ...);
  };
  for (int64_t i = 0; i < rounds; ++i) step(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11);
}

// Sums of eight vectors a turn, each its own chain. `Unit` names Vec, load(pointer), add(x, y) and
// first(x), its lowest 64 bits.
template <class Unit>
uint64_t read(const std::byte* data, std::size_t bytes) {
  constexpr std::size_t kStreams = 8;
  typename Unit::Vec sums[kStreams] = {};
  for (std::size_t at = 0; at < bytes; at += kStreams * sizeof(sums[0])) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kStreams; ++i) {
      sums[i] = Unit::add(sums[i], Unit::load(data + at + i * sizeof(sums[0])));
    }
  }
  for (std::size_t i = 1; i < kStreams; ++i) sums[0] = Unit::add(sums[0], sums[i]);
  return Unit::first(sums[0]);
}

}  // namespace chitu::ceilings
